import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { getActiveTest } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import { Ignitor } from '@adonisjs/core'
import type { ApplicationService } from '@adonisjs/core/types'
import { QueueSchemaService } from '@adonisjs/queue'
import { newId } from '../../src/ids.ts'
import { migrateSchema } from '../../src/storage/database/schema/main.ts'
import { requires } from '../helpers/services.ts'

const ROOT = new URL('./app/', import.meta.url)
const CONSOLE = fileURLToPath(new URL('./app/console.ts', import.meta.url))

export type Driver = 'redis' | 'database' | 'sync'

/** The app in ./app, booted here, with a store and keys of Redis of the test's own. */
export async function bootWorld(fs: FileSystem, driver: Driver = 'redis') {
  await fs.create('.keep', '')
  const { location } = await requires('redis')
  Object.assign(process.env, {
    ISOLATED_STORE: `${fs.basePath}/store.sqlite3`,
    ENGINE_REDIS: location,
    ENGINE_PREFIX: `almanac-test-${newId()}`,
    ENGINE_DRIVER: driver,
  })
  const importer = (path: string) => import(path.startsWith('.') ? new URL(path, ROOT).href : path)
  const app = new Ignitor(ROOT, { importer }).createApp('test')
  getActiveTest()?.cleanup(() => app.terminate())
  await app.init()
  await app.boot()
  const db = await app.container.make('lucid.db')
  await migrateSchema(db.connection())
  if (driver === 'database') {
    const schema = new QueueSchemaService(db.connection().getWriteClient())
    await schema.createJobsTable()
    await schema.createSchedulesTable()
  }
  await app.start(() => {})
  const almanac = await app.container.make('almanac')
  return { app, almanac, keys: () => keysOf(app), forgetMessages: () => forget(app) }
}

/** Removes all that Redis has of this test, as a server without persistence does when it restarts. */
async function forget(app: ApplicationService): Promise<number> {
  const redis = await app.container.make('redis')
  const keys = await keysOf(app)
  return keys.length === 0 ? 0 : redis.connection().ioConnection.del(keys)
}

/** All keys of this test, without what they have in common. */
async function keysOf(app: ApplicationService): Promise<string[]> {
  const redis = await app.container.make('redis')
  const prefix = `${process.env.ENGINE_PREFIX}:`
  const keys = await redis.connection().ioConnection.keys(`${prefix}*`)
  return keys.map((key) => key.slice(prefix.length))
}

/** A worker of @adonisjs/queue, in a process of its own. */
export function queueWorker(): { child: ChildProcess; exited: Promise<number | null> } {
  const args = ['--import=@poppinss/ts-exec', CONSOLE, 'queue:work', '--queue=heavy']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  getActiveTest()?.cleanup(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return { child, exited }
}

/** The lines of a file that other processes write, once there are so many. */
export async function linesOf(path: string, count: number): Promise<string[]> {
  for (let looks = 0; looks < 3_000; looks++) {
    const text = await readFile(path, 'utf8').catch(() => '')
    const lines = text.split('\n').filter((line) => line !== '')
    if (lines.length >= count) {
      return lines
    }
    await setTimeout(10)
  }
  throw new Error(`${path} has not got ${count} lines`)
}
