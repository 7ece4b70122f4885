import { once } from 'node:events'
import { test } from '@japa/runner'
import type { LegacySourceInput } from '../../../src/legacy/config.ts'
import type { HandlerFunction } from '../../../src/types/handlers.ts'
import { flowWith, python, pythonSource } from './python_flows.ts'
import { contractGroup, type Contract } from './support.ts'

/** Ends when it is told to. */
const wait: HandlerFunction = async ({ signal }) => {
  if (!signal.aborted) {
    await once(signal, 'abort')
  }
  signal.throwIfAborted()
}

/** A run of this flow that is stopped once it is in progress. @returns its row, and the STOP's */
async function stopped(
  { world, requester }: Contract,
  DWLOGIC: string | null,
  options: { source?: Partial<LegacySourceInput>; begun?: () => boolean; payload?: object } = {}
) {
  const { source, begun = () => true, payload = {} } = options
  world.database.insertFlow({ MAPREF: 'LOAD', DWLOGIC })
  const id = requester.ask('IMMEDIATE', 'LOAD')
  const node = world.node({ source, handlers: { wait } })
  const running = node.run()
  const inProgress = () => requester.runs('LOAD').some(({ STATUS }) => STATUS === 'IP')
  while (!inProgress() || !begun()) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  const stop = requester.ask('STOP', 'LOAD', { ...payload })
  const control = () => node.sources[0].control!()
  while (requester.isOpen(id) || requester.isOpen(stop)) {
    await control()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await running
  return {
    row: requester.runs('LOAD')[0],
    request: requester.read(id),
    stop: requester.read(stop),
  }
}

const BOUND = { handlers: [{ mapref: 'LOAD', handler: 'wait' }] }

contractGroup('STOP', (open) => {
  for (const force of ['Y', 'N']) {
    test(`ends the run in progress as ST, with ENDDT and MSG (force ${force})`, async ({
      assert,
    }) => {
      const { row, request, stop } = await stopped(open(), null, {
        source: BOUND,
        payload: { force },
      })
      assert.equal(row.STATUS, 'ST')
      assert.isNotNull(row.ENDDT)
      const forced = force === 'Y'
      assert.equal(row.MSG, `stopped by request ${stop.REQUEST_ID}${forced ? ' (force)' : ''}`)
      assert.containSubset(request, { STATUS: 'FAILED', result: { status: 'ST' } })
      assert.containSubset(stop, { STATUS: 'DONE', result: { force: forced } })
    })
  }

  test('of something that is not running is DONE, and says so', async ({ assert }) => {
    const { world, requester } = open()
    const node = world.node()
    const stop = requester.ask('STOP', 'LOAD', { start_timestamp: '2026-03-01T06:00:00' })
    const { STATUS, result } = await requester.end(node, stop)
    assert.equal(STATUS, 'DONE')
    assert.equal(result.message, 'nothing of MAPREF "LOAD" that started on 2026-03-01 runs')
  })
})

contractGroup(
  'STOP | of flows in Python',
  (open) => {
    test('ends their process', async ({ assert }) => {
      const { row } = await stopped(open(), flowWith('while True: time.sleep(0.01)'), {
        source: pythonSource(),
      })
      assert.equal(row.STATUS, 'ST')
    }).skip(!python.available, python.reason)
  },
  ({ generation }) => generation === 'dw'
)

contractGroup(
  'STOP | of statements',
  (open) => {
    test('cancels them in the database, and undoes what the flow did before', async ({
      assert,
    }) => {
      const contract = open()
      const { database, kind } = contract
      const isPostgres = kind.name === 'postgres'
      const sleep = isPostgres ? 'select pg_sleep(300)' : 'select sleep(300)'
      const listing = isPostgres
        ? `select pid from pg_stat_activity where state = 'active' and query like '${sleep}%'`
        : `select id from information_schema.processlist where info like '${sleep}%'`
      const sleeping = () => database.rows(listing).length > 0
      const logic = `insert into LEDGER (PRCID) values (:prcid); ${sleep} /* ${database.place.name} */`
      const { row } = await stopped(contract, logic, { begun: sleeping })
      assert.equal(row.STATUS, 'ST')
      assert.isFalse(sleeping())
      assert.isEmpty(contract.world.ledger())
    })
  },
  ({ kind, generation }) => kind !== 'sqlite' && generation === 'dw'
)
