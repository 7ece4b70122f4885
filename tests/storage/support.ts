import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppFactory } from '@adonisjs/core/factories/app'
import { EmitterFactory } from '@adonisjs/core/factories/events'
import { LoggerFactory } from '@adonisjs/core/factories/logger'
import { Database } from '@adonisjs/lucid/database'
import { SystemClock, type Clock } from '../../src/clock.ts'
import { newId } from '../../src/ids.ts'
import type { NewExecution } from '../../src/storage/contract.ts'
import { DatabaseStorage } from '../../src/storage/database/main.ts'
import { migrateSchema } from '../../src/storage/database/schema/main.ts'

export const CONNECTION = 'almanac'
const BASE_URL = new URL('../../', import.meta.url)

/** Lucid on one SQLite file. */
export function openLucid(file: string, pool?: object): Database {
  const app = new AppFactory().create(BASE_URL, () => {})
  return new Database(
    {
      connection: CONNECTION,
      connections: {
        [CONNECTION]: {
          client: 'better-sqlite3',
          connection: { filename: file },
          useNullAsDefault: true,
          pool,
        },
        other: {
          client: 'better-sqlite3',
          connection: { filename: ':memory:' },
          useNullAsDefault: true,
        },
      },
    },
    new LoggerFactory().create(),
    new EmitterFactory().create(app)
  )
}

export interface TestDatabase {
  file: string
  lucid: Database
  /** A further connection to the same file, as another process has it. */
  open(): Database
  storage(options?: { clock?: Clock; lucid?: Database }): DatabaseStorage
  cleanup(): Promise<void>
}

/** A database in a file of its own; with the tables of the store unless told otherwise. */
export async function createDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'almanac-storage-'))
  const file = join(folder, 'store.sqlite3')
  const opened: Database[] = []
  const open = () => {
    const lucid = openLucid(file)
    opened.push(lucid)
    return lucid
  }
  const lucid = open()
  if (migrated) {
    await migrateSchema(lucid.connection(CONNECTION))
  }
  return {
    file,
    lucid,
    open,
    storage: ({ clock, lucid: other = lucid } = {}) =>
      new DatabaseStorage({
        client: other.connection(CONNECTION),
        connectionName: CONNECTION,
        logger: new LoggerFactory().create(),
        clock,
      }),
    async cleanup() {
      await Promise.all(opened.map((database) => database.manager.closeAll()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** An execution that names only what a test is about. */
export function execution(columns: Partial<NewExecution> = {}): NewExecution {
  return {
    id: newId(),
    eventId: null,
    handler: 'noop',
    queue: 'default',
    origin: 'enqueue',
    payload: { n: 1 },
    priority: 5,
    slot: null,
    slotKey: null,
    rerunOf: null,
    dedupeKey: null,
    concurrencyKey: null,
    availableAt: null,
    timeout: null,
    retries: null,
    ...columns,
  }
}

/** The system's clock, that counts how often it was waited on, and waits only briefly. */
export class ImpatientClock extends SystemClock {
  waits = 0
  onWait = () => {}

  override timer(_: number, callback: () => void, options?: { ref?: boolean }) {
    this.waits++
    this.onWait()
    return super.timer(0, callback, options)
  }
}
