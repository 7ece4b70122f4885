import { test } from '@japa/runner'
import { registerStorageTestSuite } from '../../src/testing/storage_test_suite.ts'
import { createDatabase } from './support.ts'

registerStorageTestSuite({
  test,
  name: 'SQLite',
  createStorage: async () => {
    const database = await createDatabase()
    return {
      storage: database.storage(),
      another: async () => database.storage({ lucid: database.open() }),
      cleanup: () => database.cleanup(),
    }
  },
})
