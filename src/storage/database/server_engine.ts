import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import type { Dialect } from './dialect.ts'
import type { Engine, Mode, Unit } from './engine.ts'
import { IDLE_LIMIT } from './idle_limit.ts'
import { MysqlWork, PostgresWork, type ServerWork } from './server_work.ts'
import { knexOf } from './sqlite_handle.ts'
import type { Work } from './work.ts'

/** Errors of a commit whose answer was lost: it may have been done. */
const unsure = new WeakSet<object>()

/** Whether a unit that failed with this error may have been committed all the same. */
export function mayBeCommitted(error: unknown): boolean {
  return typeof error === 'object' && error !== null && unsure.has(error)
}

/** A connection as knex's pool sees it. */
interface PooledConnection {
  /** The pool throws a connection away that says why. */
  __knex__disposed?: unknown
}

/** Units of work on a database server, straight on the connections of its driver. */
export class ServerEngine implements Engine {
  readonly #client: QueryClientContract
  readonly #dialect: Dialect
  readonly #idle: number

  constructor(client: QueryClientContract, dialect: Dialect, { idle = IDLE_LIMIT } = {}) {
    this.#client = client
    this.#dialect = dialect
    this.#idle = idle
  }

  read<T>(unit: Unit<T>): Promise<T> {
    return this.#lend((connection) => unit(this.#workOn(connection)))
  }

  transaction<T>(mode: Mode, unit: Unit<T>): Promise<T> {
    return this.#lend(async (connection) => {
      const work = this.#workOn(connection)
      try {
        await this.#begin(work, mode)
        const result = await unit(work)
        await this.#commit(work)
        return result
      } catch (error) {
        await orDispose(connection, () => work.run('rollback'))
        throw error
      } finally {
        const { restore = null } = this.#dialect.idleLimit ?? {}
        if (mode === 'write' && restore !== null) {
          await orDispose(connection, () => work.run(restore))
        }
      }
    })
  }

  async #begin(work: ServerWork, mode: Mode): Promise<void> {
    for (const statement of this.#dialect.begin[mode](this.#idle)) {
      const [row] = await work.all(statement)
      work.beganAt = row === undefined ? undefined : Number(row.now_ms)
    }
  }

  async #commit(work: Work): Promise<void> {
    try {
      await work.run('commit')
    } catch (error) {
      unsure.add(error as object)
      throw error
    }
  }

  async #lend<T>(work: (connection: object) => Promise<T>): Promise<T> {
    const pool = knexOf(this.#client)
    const connection = await pool.acquireConnection()
    try {
      return await work(connection)
    } finally {
      await pool.releaseConnection(connection)
    }
  }

  #workOn(connection: object): ServerWork {
    return this.#dialect.name === 'postgres'
      ? new PostgresWork(connection, this.#dialect)
      : new MysqlWork(connection, this.#dialect)
  }
}

/** A connection that cannot be put in order must not meet another unit of work. */
async function orDispose(connection: PooledConnection, work: () => Promise<unknown>) {
  try {
    await work()
  } catch (error) {
    connection.__knex__disposed = error
  }
}
