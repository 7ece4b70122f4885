import { test } from '@japa/runner'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { TracedStorage } from '../../src/storage/traced.ts'
import { storageChannel, type StorageTrace } from '../../src/telemetry/channels.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { registerStorageTestSuite } from '../../src/testing/storage_test_suite.ts'

function createStorage(start?: number) {
  return new TracedStorage(new MemoryStorage({ clock: new ManualClock(start) }))
}

test.group('storage / traced', () => {
  test('each call is one span with its name', async ({ assert, cleanup }) => {
    const spans: string[] = []
    const errors: unknown[] = []
    const subscriber = {
      start: ({ operation }: StorageTrace) => void spans.push(`start ${operation}`),
      end() {},
      asyncStart() {},
      asyncEnd: ({ operation }: StorageTrace) => void spans.push(`end ${operation}`),
      error: ({ error }: StorageTrace & { error: unknown }) => void errors.push(error),
    }
    storageChannel.subscribe(subscriber)
    cleanup(() => void storageChannel.unsubscribe(subscriber))
    const storage = createStorage(1000)
    assert.equal(await storage.now(), 1000)
    await storage.schemaVersion()
    await storage.leases.find('leader')
    const change = { now: 1, id: 'nobody', expectedVersion: 1, patch: {} }
    await assert.rejects(() => storage.events.update(change), /no event "nobody"/)
    await storage.close()
    const names = ['now', 'schemaVersion', 'leases.find', 'events.update', 'close']
    assert.deepEqual(
      spans,
      names.flatMap((name) => [`start ${name}`, `end ${name}`])
    )
    assert.lengthOf(errors, 1)
    assert.match(String(errors[0]), /nobody/)
  })

  test('a method is the same function each time', ({ assert }) => {
    const { executions } = createStorage()
    assert.strictEqual(executions.claim, executions.claim)
    assert.isUndefined((executions as unknown as { nonsense?: unknown }).nonsense)
  })
})

registerStorageTestSuite({
  test,
  name: 'memory, traced',
  createStorage: async () => {
    const memory = new MemoryStorage({ clock: new ManualClock() })
    return {
      storage: new TracedStorage(memory),
      tamper: async (id, columns) => memory.tamper(id, columns),
      cleanup: async () => {},
    }
  },
})
