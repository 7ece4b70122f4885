import { access, readFile } from 'node:fs/promises'
import { getActiveTest } from '@japa/runner'
import { Ignitor } from '@adonisjs/core'
import type { FileSystem } from '@japa/file-system'
import type { AlmanacLimits } from '../../providers/scheduler_provider.ts'
import type { AlmanacOptions } from '../../src/types/config.ts'
import { migrateSchema } from '../../src/storage/database/schema/main.ts'

const ROOT = new URL('./app/', import.meta.url)

/** The app in ./app, not booted yet. */
export function newWorld() {
  const importer = (path: string) => import(path.startsWith('.') ? new URL(path, ROOT).href : path)
  return new Ignitor(ROOT, { importer }).createApp('test')
}

/** The app in ./app, booted here, with its store in the test's folder. */
export async function bootWorld(fs: FileSystem, config: AlmanacOptions = {}) {
  await fs.create('.keep', '')
  process.env.ISOLATED_STORE = `${fs.basePath}/store.sqlite3`
  const app = newWorld()
  getActiveTest()?.cleanup(async () => {
    await app.terminate()
    delete process.env.ISOLATED_STORE
  })
  await app.init()
  // As the commands lay what they are told over the config
  app.container.bindValue('almanac.limits', config as AlmanacLimits)
  await app.boot()
  const db = await app.container.make('lucid.db')
  await migrateSchema(db.connection())
  await app.start(() => {})
  const almanac = await app.container.make('almanac')
  return { app, almanac }
}

/** Waits for a file that another process writes. */
export async function written(path: string): Promise<string> {
  for (let looks = 0; looks < 2_000; looks++) {
    const text = await access(path).then(
      () => readFile(path, 'utf8'),
      () => ''
    )
    if (text !== '') {
      return text
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${path} was not written`)
}
