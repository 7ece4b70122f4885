import type { QueryClientContract, TransactionClientContract } from '@adonisjs/lucid/types/database'
import { SystemClock, type Clock } from '../../clock.ts'
import { E_NESTED_TRANSACTION } from '../../errors.ts'
import { retryWhileBusy } from './busy.ts'
import { dialectOf, type Dialect } from './dialect.ts'
import { beginImmediate, knexOf, type KnexClient, type SqliteHandle } from './sqlite_handle.ts'

/** The parts of knex's transaction that are used here; it settles with its end. */
interface KnexTransaction extends PromiseLike<unknown> {
  begin(connection: SqliteHandle): Promise<void>
}

/**
 * A Lucid transaction that begins as a writer. On SQLite that is BEGIN
 * IMMEDIATE: knex's own BEGIN is deferred, and a transaction that reads first
 * and writes then fails when another one wrote in between. Elsewhere it is
 * Lucid's transaction, READ COMMITTED whatever the server's default is. Only
 * the beginning is repeated while another writer holds the lock; `work` runs once.
 *
 * @param options.idle seconds of silence after which a server is to end the
 *   transaction; for work that waits for nothing but its own statements, and
 *   leaves the commit to this function
 * @throws E_NESTED_TRANSACTION when `client` is a transaction already
 * @throws E_STORAGE_UNAVAILABLE when the lock cannot be had
 */
export async function immediateTransaction<T>(
  client: QueryClientContract,
  work: (trx: TransactionClientContract) => Promise<T>,
  options: { clock?: Clock; idle?: number } = {}
): Promise<T> {
  if (client.isTransaction) {
    throw new E_NESTED_TRANSACTION([])
  }
  const dialect = dialectOf(client)
  if (client.dialect.name !== 'better-sqlite3') {
    const bounded = boundedWork(dialect, work, options.idle)
    return client.transaction(bounded, { isolationLevel: 'read committed' })
  }
  const clock = options.clock ?? new SystemClock()
  const trx = await retryWhileBusy({ clock, dialect, operation: 'begin' }, () => begin(client))
  return finish(trx, work)
}

type TransactionWork<T> = (trx: TransactionClientContract) => Promise<T>

/** The work under the server's watch. */
function boundedWork<T>(
  { idleLimit }: Dialect,
  work: TransactionWork<T>,
  idle: number | undefined
): TransactionWork<T> {
  if (idle === undefined || !idleLimit) {
    return work
  }
  return async (trx) => {
    await trx.rawQuery(idleLimit.set(idle))
    try {
      return await work(trx)
    } finally {
      if (idleLimit.restore !== null) {
        // On a connection that is gone there is nothing to restore
        await trx.rawQuery(idleLimit.restore).catch(() => {})
      }
    }
  }
}

/** Lucid's own transaction, begun on knex in our way. */
async function begin(client: QueryClientContract): Promise<TransactionClientContract> {
  const knexClient = knexOf(client)
  const view = Object.create(client, {
    getWriteClient: { value: () => ({ transaction: () => beginOnKnex(knexClient) }) },
  }) as QueryClientContract
  return view.transaction()
}

/**
 * knex asks its transaction object to begin only after it has a connection,
 * so that this one object can be told how.
 */
function beginOnKnex(knexClient: KnexClient): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const config = { doNotRejectOnRollback: true }
    const transaction = knexClient.transaction(resolve, config) as KnexTransaction
    transaction.begin = async (handle) => beginImmediate(handle)
    transaction.then(undefined, reject)
  })
}

async function finish<T>(
  trx: TransactionClientContract,
  work: (trx: TransactionClientContract) => Promise<T>
): Promise<T> {
  try {
    const result = await work(trx)
    if (!trx.isCompleted) {
      await trx.commit()
    }
    return result
  } catch (error) {
    if (!trx.isCompleted) {
      await trx.rollback()
    }
    throw error
  }
}
