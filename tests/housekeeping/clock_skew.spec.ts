import { test } from '@japa/runner'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { createStore } from '../jobs/setup.ts'
import { createHousekeeper } from './setup.ts'

const MINUTE = 60_000

/** The clock of a machine whose wall clock may be wrong; time passes as in the store. */
class SkewedClock extends ManualClock {
  skew = 0

  override now(): number {
    return super.now() + this.skew
  }
}

test.group('Clock skew', () => {
  test('{direction}: a node warns once, and again after its clock was right')
    .with([
      { direction: 'ahead of', by: 5 * MINUTE },
      { direction: 'behind', by: -5 * MINUTE },
    ])
    .run(async ({ assert }, { direction, by }) => {
      const store = createStore()
      const clock = new SkewedClock(store.clock.now())
      clock.skew = by
      const pass = async () => {
        await store.clock.advance(10_000)
        await clock.advance(10_000)
      }
      const { housekeeper, logger, counters, storage } = createHousekeeper({ store, clock })
      const warnings = () => logger.of('warn').filter((line) => line.includes('clock of this node'))
      await housekeeper.start()
      await pass()
      assert.lengthOf(warnings(), 1)
      assert.include(warnings()[0], `300000 ms ${direction} the database's`)
      assert.isAtLeast(counters.get('clock.skewed'), 2)
      const [{ info }] = await storage.nodes.list()
      assert.equal(info.clockSkew, by)

      clock.skew = 0
      await pass()
      clock.skew = by
      await pass()
      assert.lengthOf(warnings(), 2)
      await housekeeper.stop()
    })

  test('small differences, and the length of the call, are no skew', async ({ assert }) => {
    const store = createStore()
    const clock = new ManualClock(store.clock.now() + 4_000)
    const { housekeeper, logger, counters } = createHousekeeper({ store, clock })
    const release = store.storage.hold('now')
    const started = housekeeper.start()
    // The database answered at the beginning of a call that took twenty seconds
    await clock.advance(20_000)
    release()
    await started
    assert.equal(counters.get('clock.skewed'), 0)
    assert.isEmpty(logger.of('warn').filter((line) => line.includes('clock of this node')))
    await housekeeper.stop()
  })
})
