import { test } from '@japa/runner'
import type { LegacyConnection } from '../../src/legacy/connection.ts'
import { ForeignRuns } from '../../src/legacy/foreign_runs.ts'
import type { KnownNodes } from '../../src/legacy/known_nodes.ts'
import type { PrcidRange, RunningRow } from '../../src/legacy/tables/process_logs.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { ManualClock, NOW, openSource } from './support.ts'

function row(prcid: number): RunningRow {
  return { prcid, mapref: `M${prcid}`, startedAt: NOW, sessionid: 1 }
}

/** A table that takes `cost` ms to be read whole. */
function slowTable(cost: number) {
  const clock = new ManualClock()
  const looks: (PrcidRange | undefined)[] = []
  const rows = [row(5), row(50_000)]
  const runs = new ForeignRuns({
    connection: { now: async () => NOW, session: {} } as unknown as LegacyConnection,
    nodes: { hasSession: () => false } as unknown as KnownNodes,
    clock,
    maxAge: 1_000,
    processLogs: {
      highest: async () => Math.max(...rows.map(({ prcid }) => prcid)),
      async listBlocking(_session, { among }) {
        looks.push(among)
        if (among) {
          return rows.filter(({ prcid }) => prcid > among.above || among.known.includes(prcid))
        }
        await clock.advance(cost)
        return [...rows]
      },
    },
  })
  const seen = async () => {
    const found = await runs.list()
    return found.map(({ prcid }) => prcid)
  }
  return { runs, rows, looks, clock, seen }
}

test.group('Runs of strangers', () => {
  test('are looked for in the whole table each time where that costs nothing', async ({
    assert,
  }) => {
    const { looks, clock, seen } = slowTable(0)
    await seen()
    await clock.advance(1_000)
    await seen()
    assert.deepEqual(looks, [undefined, undefined])
  })

  test('are looked for among the later ones until a whole look is due', async ({ assert }) => {
    const { rows, looks, clock, seen } = slowTable(300)
    assert.deepEqual(await seen(), [5, 50_000])
    await clock.advance(1_000)
    rows.push(row(50_001), row(7))
    assert.deepEqual(await seen(), [5, 50_000, 50_001])
    assert.deepEqual(looks, [undefined, { above: 40_000, known: [5, 50_000] }])

    await clock.advance(5_000)
    rows.shift()
    assert.deepEqual(await seen(), [50_000, 50_001, 7])
    assert.isUndefined(looks.at(-1))
  })

  test('share a look that many ask for', async ({ assert }) => {
    const { looks, seen } = slowTable(0)
    await Promise.all([seen(), seen(), seen()])
    assert.lengthOf(looks, 1)
  })
})

legacyGroup('Runs in progress of a range', () => {
  test('are those above a PRCID, and the given ones', async ({ assert }) => {
    const { database, connection, tables } = await openSource()
    for (const PRCID of [1, 2, 3, 4]) {
      database.insert('DWPRCLOG', { PRCID, MAPREF: 'A', STATUS: PRCID === 4 ? 'PC' : 'IP' })
    }
    const { session } = connection
    const { processLogs } = tables
    assert.equal(await processLogs.highest(session), 4)
    const found = await processLogs.listInProgress(session, { above: 2, known: [1] })
    assert.deepEqual(
      found.map(({ prcid }) => prcid),
      [1, 3]
    )
    const none = await processLogs.listInProgress(session, { above: 3, known: [] })
    assert.isEmpty(none)
  })
})
