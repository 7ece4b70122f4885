import { test } from '@japa/runner'
import { CLAIMS, claimInTwoProcesses } from './claimers.ts'
import { createDatabase } from './support.ts'

test.group('storage on SQLite / two processes', () => {
  test(`${CLAIMS} claims on one file, none twice`, async ({ cleanup }) => {
    const database = await createDatabase()
    cleanup(() => database.cleanup())
    await claimInTwoProcesses(database.storage(), database.file)
  }).timeout(30_000)
})
