import { toJson } from '../../json.ts'
import type { JsonValue } from '../../types/json.ts'
import type { LegacySession } from '../connection.ts'
import type { RequestLayout } from './request_candidates.ts'
import type { Row } from './row_sets.ts'
import type { SetWriter } from './set_writer.ts'

/** A request with the claim that it is to be ours by. */
export interface ClaimedRequestId {
  requestId: string
  claimedBy: string
}

/** How a request of ours ends. */
export interface RequestEnd extends ClaimedRequestId {
  status: 'DONE' | 'FAILED'
  result: JsonValue
  /** Epoch ms. */
  now: number
}

/** Requests of ours, several at once. */
export class RequestSets {
  readonly #table: RequestLayout
  readonly #sets: SetWriter

  constructor(deps: { table: RequestLayout; sets: SetWriter }) {
    this.#table = deps.table
    this.#sets = deps.sets
  }

  /**
   * Keeps requests ours until the transaction ends.
   *
   * @returns REQUEST_IDs of those that are ours, and that no other transaction is about to change
   */
  async holdClaims(session: LegacySession, claims: ClaimedRequestId[]): Promise<Set<string>> {
    const table = this.#table
    const claimedBy = new Map(claims.map((claim) => [claim.requestId, claim.claimedBy]))
    const rows: Record<string, unknown>[] = await session.run(() =>
      this.#sets.locked(
        session.client
          .from(table.name)
          .select(table.select(['requestId', 'claimedBy']))
          .whereIn(table.column('requestId'), [...claimedBy.keys()])
          .whereIn(table.column('claimedBy'), [...new Set(claimedBy.values())])
          .where(table.column('status'), 'CLAIMED')
      )
    )
    const ours = rows.filter((row) => claimedBy.get(String(row.requestId)) === row.claimedBy)
    return new Set(ours.map((row) => String(row.requestId)))
  }

  /** What the end of a request changes of its row, with its REQUEST_ID. */
  endedRow({ requestId, status, result, now }: RequestEnd): Row {
    const text = toJson(result, { field: 'RESULT_PAYLOAD' })
    return this.#table.row({ requestId, status, completedAt: now, result: text })
  }

  /** Ends requests that are held. @returns how many were CLAIMED */
  async finishAll(session: LegacySession, ends: RequestEnd[]): Promise<number> {
    const table = this.#table
    const rows = ends.map((end) => this.endedRow(end))
    const where = { [table.column('status')]: 'CLAIMED' }
    return this.#sets.update(session, table.name, { key: table.column('requestId'), rows, where })
  }
}
