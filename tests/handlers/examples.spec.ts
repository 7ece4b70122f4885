import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '@japa/runner'
import BetterSqlite from 'better-sqlite3'
import { PgDump, SqliteBackup } from '../../examples/handlers/backup_clients.ts'
import BackupDatabase, { type BackupClient } from '../../examples/handlers/backup_database.ts'
import CommandDevice, { type DeviceClient } from '../../examples/handlers/command_device.ts'
import { runHandler } from '../../src/testing/main.ts'
import { findProgram } from '../helpers/programs.ts'
import { createServerDatabase } from '../helpers/server_database.ts'
import { requires } from '../helpers/services.ts'

const postgres = await requires('postgresql')
const pgDump = await requires('pg_dump')
const missing = [postgres, pgDump].find(({ available }) => !available)
const SLOT = Date.UTC(2026, 2, 1, 6)
const FILE = 'shop-20260301T060000Z.sqlite3'

function backup(client: BackupClient, folder: string, keep = 14) {
  const make = () => new BackupDatabase({ shop: { client, folder, keep } })
  return { make, slot: SLOT }
}

test.group('Examples | backup', () => {
  test('copies a SQLite database while it is used', async ({ assert, fs }) => {
    await fs.create('.keep', '')
    const file = join(fs.basePath, 'shop.sqlite3')
    const shop = new BetterSqlite(file)
    shop.pragma('journal_mode = WAL')
    shop.exec('create table t (a); insert into t values (7)')
    const folder = join(fs.basePath, 'backups')
    const payload = { database: 'shop' }
    const options = backup(new SqliteBackup(file), folder)
    const run = await runHandler(BackupDatabase, payload, options)
    assert.containSubset(run.result, { file: FILE, removed: 0 })
    const copy = new BetterSqlite(join(folder, FILE), { readonly: true })
    assert.deepEqual(copy.prepare('select a from t').all(), [{ a: 7 }])
    copy.close()
    shop.close()
  })

  test('dumps a PostgreSQL database', async ({ assert, fs }) => {
    const database = await createServerDatabase(postgres, { migrated: false })
    try {
      const { hostname, port, username, password, pathname } = new URL(database.url)
      const login = {
        host: hostname,
        port: Number(port),
        user: username,
        password: decodeURIComponent(password),
        database: pathname.slice(1),
      }
      const options = backup(new PgDump(login, await findProgram(pgDump.location)), fs.basePath)
      const { result } = await runHandler(BackupDatabase, { database: 'shop' }, options)
      assert.isAbove(result.bytes, 0)
      assert.include(await readdir(fs.basePath), 'shop-20260301T060000Z.dump')
    } finally {
      await database.drop()
    }
  }).skip(missing !== undefined, missing?.reason)

  test('keeps the newest, and touches nothing else', async ({ assert, fs }) => {
    const folder = join(fs.basePath, 'backups')
    await mkdir(folder, { recursive: true })
    const others = ['shop-notes.sqlite3', 'shopfloor-20200101T000000Z.sqlite3']
    const old = ['shop-20260227T060000Z.sqlite3', 'shop-20260228T060000Z.sqlite3']
    await Promise.all([...others, ...old].map((name) => writeFile(join(folder, name), 'x')))
    const client = { extension: '.sqlite3', dump: (file: string) => writeFile(file, 'whole') }
    const options = backup(client, folder, 2)
    const { result } = await runHandler(BackupDatabase, { database: 'shop' }, options)
    assert.deepEqual(result, { file: FILE, bytes: 5, removed: 1 })
    assert.sameMembers(await readdir(folder), [...others, old[1], FILE])
  })

  test('the one that was just made stays, of whichever slot', async ({ assert, fs }) => {
    const folder = join(fs.basePath, 'backups')
    await mkdir(folder, { recursive: true })
    const newer = ['shop-20260302T060000Z.sqlite3', 'shop-20260303T060000Z.sqlite3']
    await Promise.all(newer.map((name) => writeFile(join(folder, name), 'x')))
    const client = { extension: '.sqlite3', dump: (file: string) => writeFile(file, 'whole') }
    const options = backup(client, folder, 1)
    const { result } = await runHandler(BackupDatabase, { database: 'shop' }, options)
    assert.deepEqual(result, { file: FILE, bytes: 5, removed: 1 })
    assert.sameMembers(await readdir(folder), [newer[1], FILE])
  })

  test('keeping {$self} is refused before anything is removed')
    .with([0, -1, Number.NaN, 1.5])
    .run(({ assert }, keep) => {
      const client = { extension: '.sqlite3', dump: async () => {} }
      const make = () => new BackupDatabase({ shop: { client, folder: '/nowhere', keep } })
      assert.throws(make, /keep of database "shop" is .*at least 1/)
    })

  test('a backup that fails leaves nothing that looks like one', async ({ assert, fs }) => {
    const client: BackupClient = {
      extension: '.sqlite3',
      async dump(file) {
        await writeFile(file, 'half')
        throw new Error('disk full')
      },
    }
    const folder = join(fs.basePath, 'backups')
    const options = backup(client, folder)
    await assert.rejects(
      () => runHandler(BackupDatabase, { database: 'shop' }, options),
      'disk full'
    )
    assert.deepEqual(await readdir(folder), [])
    await assert.rejects(
      () => runHandler(BackupDatabase, { database: 'constructor' }, options),
      /has no backup in config; there are shop/
    )
  })
})

test.group('Examples | device', () => {
  const devices = { gate: { address: '10.0.0.5', token: 'sesame', commands: ['open', 'close'] } }
  type Order = Parameters<DeviceClient['send']>[0]

  function setup(confirm: DeviceClient['confirm'] = async () => {}) {
    const sent: Omit<Order, 'signal'>[] = []
    const client: DeviceClient = {
      async send({ signal: _, ...order }) {
        sent.push(order)
        return 'receipt-1'
      },
      confirm,
    }
    return { sent, make: () => new CommandDevice(client, devices) }
  }

  test('sends with the credentials of config, which nothing shows', async ({ assert }) => {
    const { sent, make } = setup()
    const payload = { device: 'gate', command: 'open' }
    const run = await runHandler(CommandDevice, payload, { make, execution: { id: 'e1' } })
    const { address, token } = devices.gate
    assert.deepEqual(sent, [{ address, token, command: 'open', key: 'e1' }])
    assert.equal(run.checkpoint, 'receipt-1')
    assert.notInclude(JSON.stringify(run), token)
  })

  test('a further attempt waits for the first command', async ({ assert }) => {
    const waited: string[] = []
    const { sent, make } = setup(async (_, receipt) => void waited.push(receipt))
    const payload = { device: 'gate', command: 'open' }
    await runHandler(CommandDevice, payload, { make, attempt: 2, checkpoint: 'receipt-0' })
    assert.deepEqual([sent, waited], [[], ['receipt-0']])
  })

  test('refuses {command} for {device}')
    .with([
      { device: 'door', command: 'open' },
      { device: 'gate', command: 'explode' },
      { device: 'toString', command: 'open' },
    ])
    .run(async ({ assert }, payload) => {
      const { sent, make } = setup()
      await assert.rejects(
        () => runHandler(CommandDevice, payload, { make }),
        /; (there are|it takes)/
      )
      assert.lengthOf(sent, 0)
    })
})
