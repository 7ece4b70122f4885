import { test } from '@japa/runner'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { registerStorageTestSuite } from '../../src/testing/storage_test_suite.ts'

registerStorageTestSuite({
  test,
  name: 'memory',
  createStorage: async () => ({
    storage: new MemoryStorage({ clock: new ManualClock() }),
    cleanup: async () => {},
  }),
})
