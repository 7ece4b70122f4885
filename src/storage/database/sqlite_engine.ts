import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import type { Dialect } from './dialect.ts'
import type { Engine, Mode, Unit } from './engine.ts'
import { beginImmediate, statementOf, useWriteAheadLog, withHandle } from './sqlite_handle.ts'
import { SqliteWork } from './work.ts'

/** Units of work straight on the handle of better-sqlite3, whose statements are prepared once. */
export class SqliteEngine implements Engine {
  readonly #client: QueryClientContract
  readonly #dialect: Dialect

  constructor(client: QueryClientContract, dialect: Dialect) {
    this.#client = client
    this.#dialect = dialect
  }

  read<T>(unit: Unit<T>): Promise<T> {
    return withHandle(this.#client, async (handle) => {
      useWriteAheadLog(handle)
      return unit(new SqliteWork(handle, this.#dialect))
    })
  }

  transaction<T>(mode: Mode, unit: Unit<T>): Promise<T> {
    return withHandle(this.#client, async (handle) => {
      useWriteAheadLog(handle)
      if (mode === 'write') {
        beginImmediate(handle)
      } else {
        statementOf(handle, 'begin').run()
      }
      try {
        const result = await unit(new SqliteWork(handle, this.#dialect))
        statementOf(handle, 'commit').run()
        return result
      } finally {
        // After a failed unit or commit; SQLite ends some transactions by itself
        if (handle.inTransaction) {
          statementOf(handle, 'rollback').run()
        }
      }
    })
  }
}
