import { test } from '@japa/runner'
import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import { histogramOfAll } from '../../src/histogram.ts'
import { foldDeltas } from '../../src/storage/database/stats_deltas.ts'
import { SuiteContext } from '../../src/testing/storage_suite/context.ts'
import type { Settlement } from '../../src/storage/contract.ts'
import { createServerDatabase } from '../helpers/server_database.ts'
import { DELTA_DAY, delta } from '../helpers/stats_deltas.ts'
import { connect, DATABASES, postgresql } from './each_database.ts'

const RANGE = { from: DELTA_DAY, to: DELTA_DAY }

const countDeltas = async (client: QueryClientContract) => {
  const rows = await client.from('almanac_stats').select('stat_key')
  return rows.filter((row) => row.stat_key.startsWith('delta:')).length
}

for (const [name, { service, create }] of Object.entries(DATABASES)) {
  test.group(`Totals that ends brought along, on ${name}`, (group) => {
    group.tap((t) => t.skip(!service.available, service.reason).timeout(30_000))

    test('they are read as totals, and joined with these', async ({ assert, cleanup }) => {
      const database = await create()
      cleanup(database.end)
      await database.client().table('almanac_stats').multiInsert([1, 2, 3, 4, 5].map(delta))
      const { stats } = database.storage()
      const before = await stats.read(RANGE)
      const odd = { durations: histogramOfAll([1, 100, 3, 100, 5, 100]), count: 9 }
      assert.containsSubset(before, [{ subject: null, durationTotal: 309, ...odd }])
      assert.containsSubset(before, [
        { subject: 'even', count: 6, latenesses: histogramOfAll([0, 20, 0, 20]) },
      ])
      assert.equal(await stats.fold({ limit: 3 }), 3)
      assert.equal(await countDeltas(database.client()), 2)
      assert.deepEqual(await stats.read(RANGE), before)
      assert.equal(await stats.fold({ limit: 3 }), 2)
      assert.equal(await stats.fold({ limit: 3 }), 0)
      assert.deepEqual(await stats.read(RANGE), before)
      assert.lengthOf(await database.client().from('almanac_stats'), 2)
    })

    test('what died while it joined them has done nothing', async ({ assert, cleanup }) => {
      const database = await create()
      cleanup(database.end)
      await database.client().table('almanac_stats').multiInsert([1, 3, 4].map(delta))
      const { stats } = database.storage()
      const before = await stats.read(RANGE)
      const dying = connect(database.open()).write('stats.fold', async (work) => {
        assert.equal(await foldDeltas(work, 2), 2)
        assert.deepEqual(await stats.read(RANGE), before)
        if (name !== 'SQLite') {
          // A database with one writer at a time would let it wait; so would the same total
          assert.equal(await stats.fold({ limit: 1 }), 1, 'what another has at hand is passed over')
        }
        throw new Error('died')
      })
      await assert.rejects(() => dying, 'died')
      assert.deepEqual(await stats.read(RANGE), before)
      assert.equal(await stats.fold({ limit: 10 }), name === 'SQLite' ? 3 : 2)
      assert.deepEqual(await stats.read(RANGE), before)
    })
  })
}

test.group('Successes that are counted by the statement that stores them', (group) => {
  group.tap((t) => t.skip(!postgresql.available, postgresql.reason).timeout(30_000))

  const end = async (size: number, columns: Partial<Settlement>) => {
    const database = await createServerDatabase(postgresql)
    const context = new SuiteContext({ storage: database.storage(), cleanup: async () => {} })
    await context.enqueue(...Array.from({ length: size }, (_, n) => ({ subject: `s${n % 3}` })))
    const claimed = await context.claim({ limit: size })
    const settlements = claimed.map((execution, n) => {
      const { handler, subject } = execution
      const known = { eventId: null, handler, subject, ...columns }
      return context.settlement(execution, { ...known, ...(n % 2 && { result: n }) })
    })
    await context.storage.executions.settle({ now: context.now, settlements })
    return { database, context }
  }

  test('one total for each way to count, and no rollup writes their rows again', async ({
    assert,
    cleanup,
  }) => {
    const { database, context } = await end(12, {})
    cleanup(() => database.drop())
    assert.equal(await countDeltas(database.client()), 3)
    assert.lengthOf(await database.client().from('almanac_executions').where('rolled_up', 0), 0)
    assert.equal(await context.storage.stats.rollup({ now: context.now, limit: 99 }), 0)
    assert.equal(await context.storage.stats.fold({ limit: 99 }), 3)
  })

  test('left to the rollup: {why}')
    .with([
      { why: 'few', size: 11, columns: {} },
      {
        why: 'nobody knows how they count',
        size: 12,
        columns: { subject: undefined, handler: undefined },
      },
    ])
    .run(async ({ assert, cleanup }, { size, columns }) => {
      const { database, context } = await end(size, columns)
      cleanup(() => database.drop())
      assert.equal(await countDeltas(database.client()), 0)
      assert.equal(await context.storage.stats.rollup({ now: context.now, limit: 99 }), size)
    })
})
