import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import type { SqlResult, SqlSession, SqlValue } from '../../storage/sql_session.ts'

/** A Lucid client, or a transaction of one, on the connection of the legacy tables. */
export type LegacyClient = QueryClientContract

/** The pool behind a client: the same object for all clients that share it. */
export interface LegacyPool {
  /** Connections that it opens at most. */
  readonly max: number
}

/**
 * What the composition root lends to the legacy tables, because it lives
 * beside the store's own database code.
 */
export interface LegacyDriver {
  /** One flat transaction that begins as a writer; a throw rolls back. */
  transaction<T>(client: LegacyClient, work: (client: LegacyClient) => Promise<T>): Promise<T>
  /** One statement that is a transaction by itself: it commits where it stands. */
  statement(client: LegacyClient, sql: string, bindings: SqlValue[]): Promise<SqlResult>
  sessionOf(client: LegacyClient): SqlSession
  /** @throws when the connection was closed */
  poolOf(client: LegacyClient): LegacyPool
}
