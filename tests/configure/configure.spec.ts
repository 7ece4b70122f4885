import { readdir } from 'node:fs/promises'
import { test } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import Configure from '@adonisjs/core/commands/configure'
import { IgnitorFactory } from '@adonisjs/core/factories'
import { configure } from '../../src/configure.ts'
import { stubsRoot } from '../../stubs/main.ts'
import { SCHEMA_VERSION } from '../../src/storage/contract.ts'

/** The files of a new app that configure changes. */
async function newApp(fs: FileSystem) {
  await fs.createJson('tsconfig.json', {})
  await fs.createJson('package.json', { type: 'module' })
  await fs.create('.env', 'PORT=3333\n')
  await fs.create('.env.example', 'PORT=\n')
  await fs.create(
    'start/env.ts',
    "import { Env } from '@adonisjs/core/env'\n\nexport default await Env.create(new URL('../', import.meta.url), {\n  PORT: Env.schema.number(),\n})\n"
  )
  await fs.create(
    'adonisrc.ts',
    "import { defineConfig } from '@adonisjs/core/app'\n\nexport default defineConfig({\n  providers: [],\n  commands: [],\n  preloads: [],\n})\n"
  )
}

async function runConfigure(fs: FileSystem, argv: string[] = []) {
  const ignitor = new IgnitorFactory()
    .withCoreProviders()
    .withCoreConfig()
    .create(fs.baseUrl, { importer: (path) => import(path) })
  const app = ignitor.createApp('console')
  await app.init()
  await app.boot()
  const ace = await app.container.make('ace')
  ace.ui.switchMode('raw')
  const command = await ace.create(Configure, ['adonisjs-almanac', ...argv])
  command.stubsRoot = stubsRoot
  await configure(command)
  await app.terminate()
  return ace.ui.logger.getLogs().map(({ message }) => message)
}

test.group('Configure', (group) => {
  group.tap((t) => t.timeout(30_000))

  test('writes provider, commands, preload file, config, migration and variables', async ({
    assert,
    fs,
  }) => {
    await newApp(fs)
    await runConfigure(fs)

    const rc = await fs.contents('adonisrc.ts')
    assert.include(rc, "() => import('adonisjs-almanac/scheduler_provider')")
    assert.include(rc, "() => import('adonisjs-almanac/commands')")
    assert.include(rc, "() => import('#start/almanac')")

    const config = await fs.contents('config/almanac.ts')
    assert.include(config, "stores.database({ connection: env.get('ALMANAC_CONNECTION') })")
    assert.include(config, "concurrency: env.get('ALMANAC_CONCURRENCY', 10)")
    assert.include(config, "poll: env.get('ALMANAC_POLL', '1s')")
    assert.include(config, "syncInterval: env.get('ALMANAC_SYNC_INTERVAL', '1m')")
    assert.include(config, "node: env.get('ALMANAC_NODE')")
    await assert.fileExists('start/almanac.ts')

    const variables = {
      ALMANAC_CONNECTION: '',
      ALMANAC_CONCURRENCY: '10',
      ALMANAC_POLL: '1s',
      ALMANAC_SYNC_INTERVAL: '1m',
      ALMANAC_NODE: '',
    }
    const env = await fs.contents('.env')
    const validation = await fs.contents('start/env.ts')
    for (const [name, value] of Object.entries(variables)) {
      assert.match(env, new RegExp(`^${name}=${value}$`, 'm'))
      assert.match(validation, new RegExp(`${name}: Env\\.schema\\.\\w+\\.optional\\(\\)`))
    }
  })

  test('publishes one migration per schema version, once', async ({ assert, fs }) => {
    await newApp(fs)
    await runConfigure(fs)
    const folder = new URL('database/migrations/', fs.baseUrl)
    const files = await readdir(folder)
    assert.lengthOf(files, SCHEMA_VERSION)
    assert.match(files[0], /^\d+_almanac_schema_v1\.ts$/)
    const migration = await fs.contents(`database/migrations/${files[0]}`)
    assert.include(migration, 'migrateSchema(await storeClient(), { to: 1 })')
    assert.include(migration, 'dropSchema(await storeClient())')
    const second = await fs.contents(`database/migrations/${files[1]}`)
    assert.include(second, 'migrateSchema(await storeClient(), { to: 2, notify: true })')
    // Rolled back alone, it must not take the tables along
    assert.notInclude(second, 'dropSchema')

    const logs = await runConfigure(fs)
    assert.deepEqual(await readdir(folder), files)
    assert.isTrue(logs.some((line) => line.includes(files[0]) && line.includes('already exists')))
  })

  test('run again it keeps what the app has set', async ({ assert, fs }) => {
    await newApp(fs)
    await runConfigure(fs)
    await fs.create('.env', 'PORT=3333\nALMANAC_CONCURRENCY=40\n')
    await fs.create('config/almanac.ts', '// mine')
    await runConfigure(fs)
    const env = await fs.contents('.env')
    assert.match(env, /^ALMANAC_CONCURRENCY=40$/m)
    assert.match(env, /^ALMANAC_POLL=1s$/m)
    assert.equal(await fs.contents('config/almanac.ts'), '// mine')
    const rc = await fs.contents('adonisrc.ts')
    assert.lengthOf(rc.match(/adonisjs-almanac\/scheduler_provider/g) ?? [], 1)
  })

  test('the demo has the migration of every version', async ({ assert }) => {
    const folder = new URL('../../examples/warehouse/database/migrations/', import.meta.url)
    const found = await readdir(folder)
    const versions = found.map((file) => /_almanac_schema_v(\d+)\.ts$/.exec(file)?.[1])
    const expected = Array.from({ length: SCHEMA_VERSION }, (_, n) => String(n + 1))
    assert.deepEqual(versions.sort(), expected)
  })
})
