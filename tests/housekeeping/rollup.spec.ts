import { test } from '@japa/runner'
import { SystemClock } from '../../src/clock.ts'
import { Rollup } from '../../src/housekeeping/rollup.ts'
import { DELTA_DAY, delta } from '../helpers/stats_deltas.ts'
import { config, newExecution } from '../jobs/setup.ts'
import { CONNECTION, createDatabase } from '../storage/support.ts'

test.group('Rollup', () => {
  test('adds what ended and joins totals, batch by batch', async ({ assert, cleanup }) => {
    const database = await createDatabase()
    cleanup(() => database.cleanup())
    const client = database.lucid.connection(CONNECTION)
    const deltas = Array.from({ length: 450 }, (_, n) => delta(n))
    await client.table('almanac_stats').multiInsert(deltas)
    const storage = database.storage()
    const executions = Array.from({ length: 25 }, () => newExecution())
    await storage.executions.enqueue({ now: null, executions })
    for (const { id } of executions) {
      await storage.executions.requestCancel({ now: null, id, reason: 'enough' })
    }
    const before = await storage.stats.read({ from: DELTA_DAY, to: DELTA_DAY })

    const rollup = new Rollup({ storage, clock: new SystemClock(), config })
    assert.equal(await rollup.runOnce(), 25)
    assert.deepEqual(await storage.stats.read({ from: DELTA_DAY, to: DELTA_DAY }), before)
    assert.deepEqual(
      before.map(({ subject, count }) => [subject, count]),
      [
        [null, 675],
        ['even', 675],
      ]
    )
    const rows = await client.from('almanac_stats').select('stat_key')
    assert.lengthOf(rows, 3)
    assert.isTrue(rows.every(({ stat_key: key }) => /^[0-9a-f]{64}$/.test(key)))
  })
})
