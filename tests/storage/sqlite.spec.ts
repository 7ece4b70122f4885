import { test } from '@japa/runner'
import { registerStorageTestSuite } from '../../src/testing/storage_test_suite.ts'
import { tamper } from '../helpers/tampering.ts'
import { CONNECTION, createDatabase } from './support.ts'

registerStorageTestSuite({
  test,
  name: 'SQLite',
  createStorage: async () => {
    const database = await createDatabase()
    return {
      storage: database.storage(),
      another: async () => database.storage({ lucid: database.open() }),
      tamper: (id, columns) => tamper(database.lucid.connection(CONNECTION), id, columns),
      cleanup: () => database.cleanup(),
    }
  },
})
