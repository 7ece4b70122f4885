import { readFile } from 'node:fs/promises'
import { test } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import { MigrationRunner } from '@adonisjs/lucid/migration'
import type { ApplicationService } from '@adonisjs/core/types'
import { SCHEMA_VERSION } from '../../src/storage/contract.ts'
import { stores } from '../../src/define_config.ts'
import { storeClient } from '../../src/store_client.ts'
import { bootApp } from './app.ts'

const STUBS = new URL('../../stubs/migration/', import.meta.url)
const PACKAGES: Record<string, string> = {
  '@adonisjs/lucid/schema': import.meta.resolve('@adonisjs/lucid/schema'),
  'adonisjs-almanac/schema': import.meta.resolve('../../src/storage/database/schema/main.ts'),
  'adonisjs-almanac': import.meta.resolve('../../src/index.ts'),
}

/** The migrations that configure publishes; the packages are not installed in the test's folder. */
async function publishMigrations(fs: FileSystem) {
  for (let version = 1; version <= SCHEMA_VERSION; version++) {
    const name = version === 1 ? 'almanac_schema' : 'almanac_step'
    const stub = await readFile(new URL(`${name}.stub`, STUBS), 'utf8')
    const source = stub
      .slice(stub.indexOf('import '))
      .replace('{{ version }}', String(version))
      .replace(/from '([^']+)'/g, (_, specifier: string) => `from '${PACKAGES[specifier]}'`)
    await fs.create(`database/migrations/${version}_almanac_schema_v${version}.ts`, source)
  }
}

async function migrate(app: ApplicationService, direction: 'up' | 'down', dryRun = false) {
  const db = await app.container.make('lucid.db')
  const runner = new MigrationRunner(db, app, {
    direction,
    connectionName: 'primary',
    dryRun,
    ...(direction === 'down' ? { batch: 0 } : {}),
  } as ConstructorParameters<typeof MigrationRunner>[2])
  await runner.run()
  if (runner.error) {
    throw runner.error
  }
  return runner.status
}

async function tables(app: ApplicationService, connection: string) {
  const db = await app.container.make('lucid.db')
  const names = await db.connection(connection).getAllTables()
  return names.filter((name) => name.startsWith('almanac_'))
}

test.group('The published migration', () => {
  test('makes the tables on the connection of the store, and drops them', async ({
    assert,
    fs,
  }) => {
    await publishMigrations(fs)
    const { app, almanac } = await bootApp(fs, {
      migrate: false,
      connections: ['store'],
      almanac: { store: stores.database({ connection: 'store' }) },
    })
    assert.equal(await migrate(app, 'up'), 'completed')
    assert.include(await tables(app, 'store'), 'almanac_events')
    assert.deepEqual(await tables(app, 'primary'), [])
    assert.deepEqual(await almanac.events.list(), [])
    assert.equal(await migrate(app, 'up'), 'skipped')

    assert.equal(await migrate(app, 'down'), 'completed')
    assert.deepEqual(await tables(app, 'store'), [])
  })

  test('works on the connection that the migrations run on', async ({ assert, fs }) => {
    await publishMigrations(fs)
    const { app, almanac } = await bootApp(fs, { migrate: false })
    assert.equal(await migrate(app, 'up'), 'completed')
    assert.deepEqual(await almanac.events.list(), [])
  })

  test('a dry run makes nothing', async ({ assert, fs }) => {
    await publishMigrations(fs)
    const { app } = await bootApp(fs, { migrate: false })
    await migrate(app, 'up', true)
    assert.deepEqual(await tables(app, 'primary'), [])
  })

  test('a store in memory has no connection to migrate', async ({ assert, fs }) => {
    await bootApp(fs, { migrate: false, almanac: { store: stores.memory() } })
    await assert.rejects(
      () => storeClient(),
      'config/almanac.ts: store is a store without a connection; use stores.database() to keep events in a database'
    )
  })
})
