import { test } from '@japa/runner'
import { Counters } from '../../src/counters.ts'
import { StoreListener } from '../../src/scheduler/store_watch.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { RecordingLogger } from '../../src/testing/recording_logger.ts'
import type { Storage, StoreWatcher } from '../../src/storage/contract.ts'

function setup() {
  const clock = new ManualClock()
  const logger = new RecordingLogger()
  const counters = new Counters()
  const woken: string[] = []
  const watchers: StoreWatcher[] = []
  let stops = 0
  const memory: Storage = new MemoryStorage({ clock })
  memory.watch = async (watcher) => {
    watchers.push(watcher)
    return { stop: async () => void stops++ }
  }
  const storage = new ChaosStorage(memory)
  const listener = new StoreListener({
    storage,
    clock,
    logger,
    counters,
    wake: { work: () => woken.push('work'), events: () => woken.push('events') },
  })
  return { clock, logger, counters, woken, watchers, storage, listener, stops: () => stops }
}

test.group('StoreListener', () => {
  test('the first of a burst wakes at once, all that follow wake once more', async ({ assert }) => {
    const { listener, clock, woken, watchers, stops } = setup()
    listener.start()
    await clock.settle()
    watchers[0].changed('work')
    assert.deepEqual(woken.splice(0), ['work'])
    watchers[0].changed('work')
    watchers[0].changed('events')
    watchers[0].changed('work')
    assert.deepEqual(woken, [])
    await clock.advance(10)
    assert.deepEqual(woken.splice(0), ['work', 'events'])
    await clock.advance(1_000)
    watchers[0].changed('events')
    assert.deepEqual(woken.splice(0), ['events'])
    await listener.stop()
    assert.equal(stops(), 1)
    watchers[0].changed('work')
    await clock.advance(1_000)
    assert.deepEqual(woken, [])
  })

  test('a loss is logged and counted, and its end looks for what was not told', async ({
    assert,
  }) => {
    const { listener, clock, logger, counters, woken, watchers } = setup()
    listener.start()
    await clock.settle()
    watchers[0].listening()
    await clock.advance(10)
    woken.length = 0
    watchers[0].lost(new Error('terminated'))
    assert.equal(counters.get('storage.listener.lost'), 1)
    assert.deepEqual(woken, [])
    watchers[0].listening()
    await clock.advance(10)
    assert.sameMembers(woken, ['work', 'events'])
    assert.deepEqual(
      logger.lines.map(({ level }) => level),
      ['warn', 'info']
    )
    await listener.stop()
  })

  test('a store that is away at the start stops nothing', async ({ assert }) => {
    const { listener, clock, storage, counters } = setup()
    storage.fail('watch')
    listener.start()
    await clock.settle()
    assert.equal(counters.get('storage.listener.lost'), 1)
    await listener.stop()
    await listener.stop()
    assert.equal(storage.calls('watch'), 1)
  })
})
