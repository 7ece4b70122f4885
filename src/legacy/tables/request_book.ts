import type { LegacySession } from '../connection.ts'
import type { RequestTypes } from '../request_types.ts'
import type { RequestLayout } from './request_candidates.ts'
import { countLeft } from './request_types.ts'
import { affectedRows, toNumber, toText } from './values.ts'

/** A request as people look at it. */
export interface BookedRequest {
  requestId: string
  mapref: string
  type: string
  status: string
  claimedBy: string | null
  /** Epoch ms; null when empty or unreadable. */
  requestedAt: number | null
  claimedAt: number | null
  completedAt: number | null
}

export interface RequestFilter {
  status?: string
  type?: string
  mapref?: string
  limit: number
}

const COLUMNS = [
  'requestId',
  'mapref',
  'type',
  'status',
  'claimedBy',
  'requestedAt',
  'claimedAt',
  'completedAt',
] as const

type Query = ReturnType<LegacySession['client']['from']>

/** DWPRCREQ as people read it, and what they may do to single rows. */
export class RequestBook {
  readonly #table: RequestLayout
  readonly #types: RequestTypes

  constructor(table: RequestLayout, types: RequestTypes) {
    this.#table = table
    this.#types = types
  }

  /** NEW rows of unknown types that are left to others, counted by type; empty where such rows are refused. */
  async countLeft(session: LegacySession): Promise<Record<string, number>> {
    return countLeft(session, this.#table, this.#types)
  }

  /** Newest first. */
  list(session: LegacySession, filter: RequestFilter): Promise<BookedRequest[]> {
    const table = this.#table
    const { limit, ...equal } = filter
    const where = Object.fromEntries(
      (['status', 'type', 'mapref'] as const)
        .filter((key) => equal[key] !== undefined)
        .map((key) => [table.column(key), equal[key]])
    )
    return this.#read(session, (query) =>
      query
        .where(where)
        .orderBy(table.column('requestedAt'), 'desc')
        .orderBy(table.column('requestId'), 'desc')
        .limit(limit)
    )
  }

  async find(session: LegacySession, requestId: string): Promise<BookedRequest | null> {
    const rows = await this.#read(session, (query) =>
      query.where(this.#table.column('requestId'), requestId)
    )
    return rows[0] ?? null
  }

  /** Every claimed row. */
  listClaimed(session: LegacySession): Promise<BookedRequest[]> {
    return this.#read(session, (query) => query.where(this.#table.column('status'), 'CLAIMED'))
  }

  /** The JSON texts of a row. */
  async texts(
    session: LegacySession,
    requestId: string
  ): Promise<{ payload: string | null; result: string | null }> {
    const table = this.#table
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['payload', 'result']))
        .where(table.column('requestId'), requestId)
    )
    return { payload: toText(rows[0]?.payload), result: toText(rows[0]?.result) }
  }

  /** How many rows there are, by STATUS. */
  async counts(session: LegacySession): Promise<Record<string, number>> {
    const table = this.#table
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['status']))
        .count('* as total')
        .groupBy(table.column('status'))
    )
    return Object.fromEntries(rows.map((row) => [String(row.status), toNumber(row.total) ?? 0]))
  }

  /** A failed row waits again under its own id. @returns false when it is not FAILED any more */
  async retry(session: LegacySession, requestId: string): Promise<boolean> {
    const table = this.#table
    const row = table.row({ status: 'NEW', claimedAt: null, claimedBy: null, completedAt: null })
    const result: unknown = await session.run(() =>
      session.client
        .from(table.name)
        .where(table.column('requestId'), requestId)
        .where(table.column('status'), 'FAILED')
        .update(row)
    )
    return affectedRows(result) > 0
  }

  async #read(session: LegacySession, narrow: (query: Query) => Query): Promise<BookedRequest[]> {
    const { wallClock } = this.#table
    const rows: Record<string, unknown>[] = await session.run(() =>
      narrow(session.client.from(this.#table.name).select(this.#table.select(COLUMNS)))
    )
    return rows.map((row) => ({
      requestId: String(row.requestId),
      mapref: toText(row.mapref) ?? '',
      type: toText(row.type) ?? '',
      status: String(row.status),
      claimedBy: toText(row.claimedBy),
      requestedAt: wallClock.readOrNull(row.requestedAt),
      claimedAt: wallClock.readOrNull(row.claimedAt),
      completedAt: wallClock.readOrNull(row.completedAt),
    }))
  }
}
