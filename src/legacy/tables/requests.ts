import { toJson } from '../../json.ts'
import type { JsonValue } from '../../types/json.ts'
import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableDialect } from './dialect.ts'
import { candidates, type Claim, type RequestLayout } from './request_candidates.ts'
import { CONTROL_REQUESTS, type RequestTypes } from '../request_types.ts'
import { ofTypes } from './request_types.ts'
import { isDuplicate } from './failures.ts'
import { claimerOf, type RequestClaimer } from './request_claimer.ts'
import { RequestReader, type RequestRow } from './request_reader.ts'
import { RequestSets, type RequestEnd } from './request_sets.ts'
import type { SetWriter } from './set_writer.ts'
import { updateOwnRequest } from './own_request.ts'
import { affectedRows, chunked } from './values.ts'

export type { RequestRow } from './request_reader.ts'

export interface NewRequest {
  requestId: string
  mapref: string
  type: string
  payload: JsonValue
  /** Epoch ms. */
  now: number
}

interface Deps {
  table: RequestLayout
  dialect: Pick<
    TableDialect,
    'listLimit' | 'characters' | 'text' | 'skipsDuplicates' | 'claims' | 'quoted'
  >
  sets: SetWriter
  types: RequestTypes
  /** Bytes; a payload of more characters is not even read. */
  maxPayload: number
}

/**
 * DWPRCREQ: the request queue. Ownership is CLAIMED_BY together with STATUS,
 * and every change of it is one guarded update whose row count decides.
 */
export class Requests {
  /** For runs that begin or end together. */
  readonly sets: RequestSets
  readonly #deps: Deps
  readonly #table: RequestLayout
  readonly #reader: RequestReader
  /** null where a claim takes several statements. */
  readonly #claimer: RequestClaimer | null

  constructor(deps: Deps) {
    this.#deps = deps
    this.#table = deps.table
    this.#reader = new RequestReader(deps)
    this.#claimer = claimerOf({ ...deps, reader: this.#reader })
    this.sets = new RequestSets(deps)
  }

  /** Whether any row waits: a look at the index, for a queue that is empty most of the time. */
  async hasNew(session: LegacySession): Promise<boolean> {
    const table = this.#table
    const rows: unknown[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['requestId']))
        .where(table.column('status'), 'NEW')
        .where((query) => ofTypes(query, session, table.column('type'), this.#deps.types))
        .limit(1)
    )
    return rows.length > 0
  }

  /**
   * Claims NEW rows: the first of each MAPREF, oldest first, at most `limit`;
   * none whose MAPREF is in `blocked` or has a claimed row.
   *
   * @returns what is ours now, by REQUESTED_AT, then REQUEST_ID
   */
  async claimBatch(session: LegacySession, claim: Claim): Promise<RequestRow[]> {
    const exceptTypes = claim.exceptTypes ?? CONTROL_REQUESTS
    if (this.#claimer) {
      return this.#claimer.claim(session, { ...claim, exceptTypes })
    }
    const scope = { ...claim, exceptTypes, taken: this.#deps.types }
    const ids = await candidates(session, this.#table, scope, this.#deps.dialect.listLimit)
    return this.#claim(session, ids, claim)
  }

  /** Whether any control row waits. */
  async hasNewControl(session: LegacySession): Promise<boolean> {
    const rows: unknown[] = await session.run(() => this.#newControls(session, 1))
    return rows.length > 0
  }

  /** Claims NEW control rows, whatever their MAPREF; STOP comes first. */
  async claimControl(
    session: LegacySession,
    claim: { claimedBy: string; limit: number; now: number }
  ): Promise<RequestRow[]> {
    const found: Record<string, unknown>[] = await session.run(() =>
      this.#newControls(session, claim.limit)
    )
    const rows = await this.#claim(
      session,
      found.map((row) => String(row.requestId)),
      claim
    )
    return rows.sort((a, b) => CONTROL_REQUESTS.indexOf(a.type) - CONTROL_REQUESTS.indexOf(b.type))
  }

  /**
   * Ends a request of ours.
   *
   * @returns false when the row is not ours any more; nothing was written
   */
  finish(session: LegacySession, end: RequestEnd): Promise<boolean> {
    const row = this.#table.row({
      status: end.status,
      completedAt: end.now,
      result: toJson(end.result, { field: 'RESULT_PAYLOAD' }),
    })
    return updateOwnRequest(session, this.#table, end, row)
  }

  /**
   * Keeps a request ours until the transaction ends: a guarded write, so that
   * nobody can take the row between this look and the commit.
   *
   * @returns false when it is not ours
   */
  holdClaim(
    session: LegacySession,
    request: { requestId: string; claimedBy: string }
  ): Promise<boolean> {
    return updateOwnRequest(session, this.#table, request, this.#table.row({ status: 'CLAIMED' }))
  }

  /** Gives a request of ours back to the queue. @returns false when it is not ours */
  handBack(
    session: LegacySession,
    request: { requestId: string; claimedBy: string }
  ): Promise<boolean> {
    return updateOwnRequest(session, this.#table, request, this.#unclaimed())
  }

  /** Gives several requests of one claim back. @returns how many were ours */
  async handBackAll(
    session: LegacySession,
    claimedBy: string,
    requestIds: string[]
  ): Promise<number> {
    const table = this.#table
    let count = 0
    for (const ids of chunked(requestIds, this.#deps.dialect.listLimit)) {
      const result: unknown = await session.run(() =>
        session.client
          .from(table.name)
          .whereIn(table.column('requestId'), ids)
          .where(table.column('claimedBy'), claimedBy)
          .where(table.column('status'), 'CLAIMED')
          .update(this.#unclaimed())
      )
      count += affectedRows(result)
    }
    return count
  }

  /** Queues a request. @returns false when its REQUEST_ID exists */
  insert(session: LegacySession, request: NewRequest): Promise<boolean> {
    return this.#insert(session, request, { status: 'NEW' })
  }

  /** A row that is born claimed, and never was NEW. @returns false when its REQUEST_ID exists */
  insertClaimed(
    session: LegacySession,
    request: NewRequest & { claimedBy: string }
  ): Promise<boolean> {
    const { claimedBy, ...row } = request
    return this.#insert(session, row, { status: 'CLAIMED', claimedBy, claimedAt: request.now })
  }

  async find(session: LegacySession, requestId: string): Promise<RequestRow | null> {
    const rows = await this.#reader.read(session, (query) =>
      query.where(this.#table.column('requestId'), requestId)
    )
    return rows[0] ?? null
  }

  /** Claimed rows whose CLAIMED_BY begins with `prefix`. */
  listClaimed(session: LegacySession, { prefix }: { prefix: string }): Promise<RequestRow[]> {
    const table = this.#table
    const start = session.client.raw('substr(??, 1, ?) = ?', [
      table.column('claimedBy'),
      prefix.length,
      prefix,
    ])
    return this.#reader.read(session, (query) =>
      query.where(table.column('status'), 'CLAIMED').whereRaw(start)
    )
  }

  #newControls(session: LegacySession, limit: number) {
    const table = this.#table
    return session.client
      .from(table.name)
      .select(table.select(['requestId']))
      .where(table.column('status'), 'NEW')
      .whereIn(table.column('type'), [...this.#deps.types.controls])
      .orderBy(table.column('type'), 'desc')
      .orderBy(table.column('requestedAt'))
      .orderBy(table.column('requestId'))
      .limit(limit)
  }

  async #claim(
    session: LegacySession,
    ids: string[],
    { claimedBy, now }: { claimedBy: string; now: number }
  ): Promise<RequestRow[]> {
    const table = this.#table
    const row = table.row({ status: 'CLAIMED', claimedAt: now, claimedBy })
    let claimed = 0
    for (const part of chunked(ids, this.#deps.dialect.listLimit)) {
      const result: unknown = await session.run(() =>
        session.client
          .from(table.name)
          .whereIn(table.column('requestId'), part)
          .where(table.column('status'), 'NEW')
          .update(row)
      )
      claimed += affectedRows(result)
    }
    return claimed === 0 ? [] : this.#readClaim(session, claimedBy)
  }

  #readClaim(session: LegacySession, claimedBy: string): Promise<RequestRow[]> {
    const table = this.#table
    return this.#reader.read(session, (query) =>
      query.where(table.column('claimedBy'), claimedBy).where(table.column('status'), 'CLAIMED')
    )
  }

  async #insert(
    session: LegacySession,
    request: NewRequest,
    state: Partial<Record<ColumnKey<'requests'>, string | number>>
  ): Promise<boolean> {
    const { requestId, mapref, type, now } = request
    const payload = toJson(request.payload, { field: 'PAYLOAD' })
    const row = this.#table.row({ requestId, mapref, type, payload, requestedAt: now, ...state })
    if (this.#deps.dialect.skipsDuplicates) {
      return this.#insertOrSkip(session, row)
    }
    if (session.inTransaction && (await this.#exists(session, requestId))) {
      return false
    }
    try {
      await session.run(() => session.client.table(this.#table.name).insert(row))
      return true
    } catch (error) {
      if (isDuplicate(error)) {
        return false
      }
      throw error
    }
  }

  async #insertOrSkip(session: LegacySession, row: Record<string, unknown>): Promise<boolean> {
    const { name } = this.#table
    const requestId = this.#table.column('requestId')
    const inserted: unknown[] = await session.run(() =>
      session.client.table(name).insert(row).onConflict(requestId).ignore().returning(requestId)
    )
    return inserted.length > 0
  }

  async #exists(session: LegacySession, requestId: string): Promise<boolean> {
    const table = this.#table
    const rows: unknown[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['requestId']))
        .where(table.column('requestId'), requestId)
    )
    return rows.length > 0
  }

  #unclaimed(): Record<string, unknown> {
    return this.#table.row({ status: 'NEW', claimedAt: null, claimedBy: null })
  }
}
