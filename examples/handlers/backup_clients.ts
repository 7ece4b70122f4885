import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import BetterSqlite from 'better-sqlite3'
import type { BackupClient } from './backup_database.ts'

/** A copy of a SQLite file that others may write to meanwhile. */
export class SqliteBackup implements BackupClient {
  readonly extension = '.sqlite3'
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  async dump(target: string, signal: AbortSignal): Promise<void> {
    const source = new BetterSqlite(this.#file, { readonly: true, fileMustExist: true })
    try {
      await source.backup(target, {
        progress: () => {
          signal.throwIfAborted()
          return 1_000
        },
      })
    } finally {
      source.close()
    }
  }
}

export interface PgLogin {
  host: string
  port: number
  user: string
  /** From the environment of the app; handed to pg_dump in its environment, where no list of processes shows it. */
  password: string
  database: string
}

/** A dump of a PostgreSQL database in the custom format, for pg_restore. */
export class PgDump implements BackupClient {
  readonly extension = '.dump'
  readonly #login: PgLogin
  readonly #program: string

  /** @param program absolute path of pg_dump */
  constructor(login: PgLogin, program = '/usr/bin/pg_dump') {
    this.#login = login
    this.#program = program
  }

  async dump(target: string, signal: AbortSignal): Promise<void> {
    const { host, port, user, password, database } = this.#login
    const args = ['--format=custom', '--no-password', `--file=${target}`]
    const env = {
      PATH: process.env.PATH,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
    }
    await promisify(execFile)(this.#program, args, { env, signal })
  }
}
