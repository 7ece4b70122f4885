import { test } from '@japa/runner'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { registerStorageTestSuite } from '../../src/testing/storage_test_suite.ts'

registerStorageTestSuite({
  test,
  name: 'memory',
  createStorage: async () => {
    const storage = new MemoryStorage({ clock: new ManualClock() })
    return {
      storage,
      tamper: async (id, columns) => storage.tamper(id, columns),
      cleanup: async () => {},
    }
  },
})
