import { test } from '@japa/runner'
import type { LegacySourceInput } from '../../../src/legacy/config.ts'
import type { LegacyFlowContext } from '../../../src/legacy/main.ts'
import type { HandlerFunction } from '../../../src/types/handlers.ts'
import { contractGroup, type Contract } from './support.ts'

type Work = (context: LegacyFlowContext) => Promise<unknown>

/** What each run of the flow does, in turn. */
function flowOf({ world, requester }: Contract, source: Partial<LegacySourceInput> = {}) {
  world.database.insertFlow({ MAPREF: 'LOAD' })
  let work: Work = async () => {}
  const load = (context: LegacyFlowContext) => work(context)
  const node = world.node({
    source: { handlers: [{ mapref: 'LOAD', handler: 'load' }], ...source },
    handlers: { load: load as unknown as HandlerFunction },
  })
  return {
    node,
    /** One run, with the row that it leaves. */
    async run(next: Work, params: Record<string, string> = {}) {
      work = next
      const id = requester.ask('IMMEDIATE', 'LOAD', params)
      const request = await requester.end(node, id)
      await world.clock.advance(1_000)
      const row = requester.runs('LOAD').at(-1)!
      return { request, row }
    },
    runs: () => requester.runs('LOAD').map(({ STATUS, PARAM1 }) => [STATUS, PARAM1]),
  }
}

const fails: Work = async () => {
  throw new Error('no')
}

/** Saves a position, and fails. */
const failsAt =
  (value: string | number | (string | number)[]): Work =>
  async ({ checkpoint }) => {
    await checkpoint.save(value)
    throw new Error('no')
  }

/** Remembers what it is given. */
function loads(seen: unknown[], then: Work = async () => {}): Work {
  return async (context) => {
    seen.push(await context.checkpoint.load())
    return then(context)
  }
}

const KEY = { flows: [{ mapref: 'LOAD', checkpoint: { column: 'ID' } }] }

contractGroup('Checkpoints', (open) => {
  test('a run stores its position in its row, and a later one after a failure gets it back', async ({
    assert,
  }) => {
    const flow = flowOf(open(), KEY)
    const seen: unknown[] = []
    await flow.run(loads(seen, failsAt('A-17')))
    assert.deepEqual(flow.runs(), [['FL', 'A-17']])
    await flow.run(loads(seen, failsAt('B-5')))
    await flow.run(loads(seen))
    assert.deepEqual(seen, [null, 'A-17', 'B-5'])
    assert.deepEqual(flow.runs().at(-1), ['PC', 'COMPLETED'])
  })

  test('COMPLETED when done: the next run begins at the beginning', async ({ assert }) => {
    const flow = flowOf(open(), KEY)
    const seen: unknown[] = []
    const { row } = await flow.run(async ({ checkpoint }) => {
      await checkpoint.save('A')
      await checkpoint.complete()
      throw new Error('after all was done')
    })
    assert.containSubset(row, { STATUS: 'FL', PARAM1: 'COMPLETED' })
    await flow.run(loads(seen, async ({ checkpoint }) => checkpoint.save('C')))
    assert.deepEqual(flow.runs().at(-1), ['PC', 'COMPLETED'])
    await flow.run(loads(seen))
    assert.deepEqual(seen, [null, null])
  })

  test('a position outlives runs that fail before they have saved one', async ({ assert }) => {
    const flow = flowOf(open(), KEY)
    const seen: unknown[] = []
    await flow.run(failsAt('A'))
    await flow.run(loads(seen, fails))
    await flow.run(fails, { param1: 'a parameter, not a position' })
    await flow.run(loads(seen))
    assert.deepEqual(seen, ['A', 'A'])
  })

  test('a row that another program has left is taken at its word', async ({ assert }) => {
    const contract = open()
    const flow = flowOf(contract, KEY)
    const seen: unknown[] = []
    const left = { MAPREF: 'LOAD', SESSIONID: 5, STRTDT: '2020-01-01 00:00:00' }
    const insert = (PRCID: number, STATUS: string, PARAM1: string) =>
      contract.database.insert('DWPRCLOG', { ...left, PRCID, STATUS, PARAM1 })
    insert(3, 'FL', 'OLD-9')
    await flow.run(loads(seen, fails))
    contract.database.execute(`delete from DWPRCLOG where PRCID <> 3`)
    contract.database.execute(`update DWPRCLOG set STATUS = 'PC' where PRCID = 3`)
    await flow.run(loads(seen))
    assert.deepEqual(seen, ['OLD-9', null])
  })
})

/** What a position may be has nothing to do with the names of tables. */
const valuesGroup = (title: string, define: (open: () => Contract) => void) =>
  contractGroup(title, define, ({ generation }) => generation === 'dw')

valuesGroup('Checkpoints | values', (open) => {
  test('a composite key comes back in its parts', async ({ assert }) => {
    const flow = flowOf(open(), {
      flows: [{ mapref: 'LOAD', checkpoint: { strategy: 'KEY', column: ['REGION', 'ID'] } }],
    })
    const seen: unknown[] = []
    const { row } = await flow.run(failsAt(['EU', 7]))
    assert.equal(row.PARAM1, 'EU|7')
    await flow.run(loads(seen))
    assert.deepEqual(seen, [['EU', '7']])
  })

  test('a number of rows comes back as one', async ({ assert }) => {
    const flow = flowOf(open(), {
      flows: [{ mapref: '*', checkpoint: { strategy: 'PYTHON' } }],
    })
    const seen: unknown[] = []
    const { row } = await flow.run(failsAt(500))
    assert.equal(row.PARAM1, '500')
    await flow.run(loads(seen))
    assert.deepEqual(seen, [500])
  })

  test('NONE keeps nothing', async ({ assert }) => {
    const flow = flowOf(open(), {
      flows: [{ mapref: 'LOAD', checkpoint: { strategy: 'NONE' } }],
    })
    const seen: unknown[] = []
    await flow.run(failsAt('A'), { param1: 'given' })
    await flow.run(loads(seen, async ({ checkpoint }) => checkpoint.complete()))
    assert.deepEqual(seen, [null])
    assert.deepEqual(flow.runs(), [
      ['FL', 'given'],
      ['PC', null],
    ])
  })

  test('without a word of it a position is a text', async ({ assert }) => {
    const flow = flowOf(open())
    const seen: unknown[] = []
    await flow.run(failsAt(12))
    await flow.run(loads(seen))
    assert.deepEqual(seen, ['12'])
  })

  test('what does not fit is refused, and the row stays as it was', async ({ assert }) => {
    const flow = flowOf(open(), {
      flows: [{ mapref: 'LOAD', checkpoint: { column: 'REGION|ID' } }],
    })
    const refusals: string[] = []
    const attempts = ['one', ['a|b', 'c'], ['a'], [{}, 1], ['a', ''], ['x'.repeat(300), 1]]
    const { row } = await flow.run(async ({ checkpoint }) => {
      await checkpoint.save(['EU', 1])
      for (const value of attempts) {
        await checkpoint.save(value as string).catch((error) => refusals.push(error.message))
      }
      throw new Error('no')
    })
    assert.lengthOf(refusals, attempts.length)
    assert.match(refusals[0], /^Checkpoint "one": the key has 2 part\(s\) \(REGION, ID\)/)
    assert.match(refusals[1], /must not contain "\|"/)
    assert.match(refusals.at(-1)!, /PARAM1 holds 250/)
    assert.equal(row.PARAM1, 'EU|1')
  })

  test('a run that another hand has closed stores nothing more', async ({ assert }) => {
    const contract = open()
    const flow = flowOf(contract, KEY)
    const { row } = await flow.run(async ({ checkpoint }) => {
      await checkpoint.save('A')
      contract.database.execute(`update DWPRCLOG set STATUS = 'ST' where MAPREF = 'LOAD'`)
      await checkpoint.save('B')
    })
    assert.containSubset(row, { STATUS: 'ST', PARAM1: 'A' })
  })
})

contractGroup(
  'Checkpoints | as the tables say',
  (open) => {
    const saved = async (row: Record<string, string>, value: string | number | string[]) => {
      const contract = open()
      contract.database.insert('DWMAPR', { MAPREF: 'LOAD', ...row })
      // What config says comes after what the tables say
      const flow = flowOf(contract, {
        flows: [{ mapref: 'LOAD', checkpoint: { column: ['X', 'Y', 'Z'] } }],
      })
      const seen: unknown[] = []
      const { row: first } = await flow.run(failsAt(value))
      await flow.run(loads(seen, fails))
      return { first, seen, last: flow.runs().at(-1) }
    }

    test('AUTO is KEY when CHKPNTCLNM names a column, else PYTHON', async ({ assert }) => {
      const key = await saved({ CHKPNTSTRTGY: 'AUTO', CHKPNTCLNM: 'ID', CHKPNTENBLD: 'Y' }, '007')
      assert.deepEqual(key.seen, ['007'])
      const rows = await saved({ CHKPNTSTRTGY: 'AUTO', CHKPNTENBLD: 'Y' }, 40)
      assert.deepEqual(rows.seen, [40])
    })

    test('KEY with several columns is composite', async ({ assert }) => {
      const row = { CHKPNTSTRTGY: 'KEY', CHKPNTCLNM: 'A, B', CHKPNTENBLD: 'Y' }
      const { seen } = await saved(row, ['x', 'y'])
      assert.deepEqual(seen, [['x', 'y']])
    })

    test('CHKPNTENBLD that is not Y, and NONE, keep nothing', async ({ assert }) => {
      for (const row of [
        { CHKPNTSTRTGY: 'AUTO', CHKPNTENBLD: 'N' },
        { CHKPNTSTRTGY: 'NONE', CHKPNTENBLD: 'Y' },
      ]) {
        const { seen, first } = await saved(row as Record<string, string>, 'A')
        assert.deepEqual(seen, [null])
        assert.isNull(first.PARAM1)
      }
    })

    test('a strategy that nobody knows is named', async ({ assert }) => {
      const { first } = await saved({ CHKPNTSTRTGY: 'ROWS', CHKPNTENBLD: 'Y' }, 'A')
      assert.match(
        String(first.MSG),
        /CHKPNTSTRTGY is "ROWS"; give one of AUTO, KEY, PYTHON, NONE/i
      )
    })

    test('a key without its column is named', async ({ assert }) => {
      const { first } = await saved({ CHKPNTSTRTGY: 'KEY', CHKPNTENBLD: 'Y' }, 'A')
      assert.match(String(first.MSG), /the strategy KEY needs the name of its column/)
    })
  },
  ({ generation }) => generation !== 'dw'
)
