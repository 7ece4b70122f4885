import { test } from '@japa/runner'
import { registerStorageTestSuite } from '../../src/testing/storage_test_suite.ts'
import { createServerDatabase, type ServerDatabase } from '../helpers/server_database.ts'
import { tamper } from '../helpers/tampering.ts'
import type { Service } from '../helpers/services.ts'

/**
 * The exported suite on a server: each group has a database of its own, whose
 * tables are emptied before each case.
 */
export function registerServerSuite(service: Service, name: string): void {
  let database: ServerDatabase
  const runner = Object.assign((title: string, run: () => Promise<void>) => test(title, run), {
    group: (title: string, define: () => void) =>
      test.group(title, (group) => {
        group.tap((t) => t.skip(!service.available, service.reason).timeout(30_000))
        if (service.available) {
          group.setup(async () => {
            database = await createServerDatabase(service)
            return () => database.drop()
          })
        }
        define()
      }),
  })
  registerStorageTestSuite({
    test: runner,
    name,
    createStorage: async () => {
      await database.clear()
      return {
        storage: database.storage(),
        another: async () => database.storage({ lucid: database.open() }),
        tamper: (id, columns) => tamper(database.client(), id, columns),
        cleanup: async () => {},
      }
    },
  })
}
