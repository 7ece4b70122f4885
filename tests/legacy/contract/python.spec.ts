import { test } from '@japa/runner'
import type { LegacySourceInput } from '../../../src/legacy/config.ts'
import { flowWith, python, pythonSource } from './python_flows.ts'
import { contractGroup, type Contract } from './support.ts'

/** One run of a flow with this logic. */
async function run(
  { world, requester }: Contract,
  logic: string,
  { params = {}, source = {} }: { params?: object; source?: Partial<LegacySourceInput> } = {}
) {
  world.database.insertFlow({ MAPREF: 'LOAD', DWLOGIC: logic })
  const id = requester.ask('IMMEDIATE', 'LOAD', { params: { ...params } })
  const node = world.node({ source: pythonSource(source) })
  const request = await requester.end(node, id)
  return { node, id, request, rows: requester.runs('LOAD') }
}

contractGroup('Python', (open) => {
  test('a flow is told of its run, and what it returns are the counts of the run', async ({
    assert,
  }) => {
    const contract = open()
    const { request, rows } = await run(
      contract,
      flowWith(
        `given = session_params`,
        `assert given['mapref'] == 'LOAD' and given['param1'] == 'x' and given['param2'] is None`,
        `assert given['request_params']['region'] == 'EU'`,
        `assert given['prcid'] > 0 and given['sessionid'] > 0`,
        `return {'source_rows': 5, 'target_rows': 4, 'error_rows': 1, 'status': 'SUCCESS'}`
      ),
      { params: { param1: 'x', region: 'EU' } }
    )
    assert.equal(request.STATUS, 'DONE')
    assert.containSubset(rows, [{ STATUS: 'PC', PARAM1: 'x' }])
    const [log] = contract.requester.table('DWJOBLOG', 'JOBLOGID')
    const counts = [log.SRCROWS, log.TRGROWS, log.ERRROWS, log.PRCID].map(Number)
    assert.deepEqual(counts, [5, 4, 1, Number(rows[0].PRCID)])
  }).skip(!python.available, python.reason)
})

contractGroup(
  'Python | ends',
  (open) => {
    test('a flow that raises is FL, with MSG and its traceback in the error row', async ({
      assert,
    }) => {
      const contract = open()
      const { request, rows } = await run(
        contract,
        flowWith(`raise ValueError('bad row ' + 'x' * 9000)`)
      )
      assert.equal(request.STATUS, 'FAILED')
      assert.containSubset(rows, [{ STATUS: 'FL' }])
      assert.match(String(rows[0].MSG), /^ValueError: bad row x+$/)
      assert.lengthOf(String(rows[0].MSG), 400)
      const [error] = contract.requester.table('DWJOBERR', 'ERRID')
      assert.match(String(error.ERRMSG), /^ValueError: bad row/)
      assert.isAtMost(String(error.DBERRMSG).length, 4_000)
      contract.database.clear()
      const short = await run(contract, flowWith(`1 / 0`))
      assert.match(String(short.rows[0].MSG), /^ZeroDivisionError: division by zero/)
      const [frames] = contract.requester.table('DWJOBERR', 'ERRID')
      assert.match(String(frames.DBERRMSG), /File "<LOAD>", line 3, in execute_job/)
    }).skip(!python.available, python.reason)

    test('a flow goes on from the position of the one that failed', async ({ assert }) => {
      const contract = open()
      const logic = flowWith(
        `checkpoint = session_params.checkpoint`,
        `done = checkpoint.load() or 0`,
        `if done == 0:`,
        `    checkpoint.save(500)`,
        `    raise RuntimeError('cut off')`,
        `return {'source_rows': done, 'target_rows': done, 'error_rows': 0, 'status': 'SUCCESS'}`
      )
      const source = { flows: [{ mapref: '*', checkpoint: { strategy: 'PYTHON' as const } }] }
      const first = await run(contract, logic, { source })
      assert.containSubset(first.rows, [{ STATUS: 'FL', PARAM1: '500' }])
      const { requester } = contract
      await contract.world.clock.advance(1_000)
      await requester.end(first.node, requester.ask('IMMEDIATE', 'LOAD'))
      assert.containSubset(requester.runs('LOAD')[1], { STATUS: 'PC', PARAM1: 'COMPLETED' })
      assert.equal(Number(requester.table('DWJOBLOG', 'JOBLOGID')[0].SRCROWS), 500)
    }).skip(!python.available, python.reason)

    test('a transient error is tried again only where config says so, with a row per try', async ({
      assert,
    }) => {
      const locked = flowWith(`raise sqlite3.OperationalError('database is locked')`)
      const once = await run(open(), locked)
      assert.lengthOf(once.rows, 1)
      assert.equal(once.request.STATUS, 'FAILED')

      const contract = open()
      const retry = { retries: 2, delay: 0, jitter: 0 }
      const { request, rows } = await run(contract, locked, { source: { retry } })
      assert.equal(request.STATUS, 'FAILED')
      assert.deepEqual(
        rows.map(({ STATUS }) => STATUS),
        ['FL', 'FL', 'FL']
      )
      assert.match(String(rows[0].MSG), /^handed back: try 1 of 2 follows in 0 ms: Operational/)
      assert.match(String(rows[1].MSG), /^handed back: try 2 of 2/)
      assert.match(String(rows[2].MSG), /^OperationalError: database is locked/)
      const types = contract.requester.table('DWJOBERR', 'PRCID').map(({ ERRTYP }) => ERRTYP)
      assert.deepEqual(types, ['RETRY', 'RETRY', 'ERROR'])
      const other = flowWith(`raise KeyError('x')`)
      const { rows: single } = await run(open(), other, { source: { retry } })
      assert.lengthOf(single, 1)
    }).skip(!python.available, python.reason)

    test('nothing in Python runs that config does not allow', async ({ assert }) => {
      const { request, rows } = await run(open(), flowWith('pass'), { source: { runners: {} } })
      assert.equal(request.STATUS, 'FAILED')
      assert.match(String(request.result.message), /runners\.python does not allow/)
      assert.isEmpty(rows)
    })
  },
  ({ generation }) => generation === 'dw'
)
