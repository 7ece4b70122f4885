import { toJson } from '../../json.ts'
import type { JsonValue } from '../../types/json.ts'
import type { LegacySession } from '../connection.ts'
import type { RequestLayout } from './request_candidates.ts'
import type { ClaimedRequestId } from './request_sets.ts'
import { updateOwnRequest } from './own_request.ts'
import { toText } from './values.ts'

/** RESULT_PAYLOAD of a request that is still worked on. */
export class RequestProgress {
  readonly #table: RequestLayout

  constructor(table: RequestLayout) {
    this.#table = table
  }

  /** What it tells now, whoever wrote it. */
  async read(session: LegacySession, requestId: string): Promise<string | null> {
    const table = this.#table
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['result']))
        .where(table.column('requestId'), requestId)
    )
    return toText(rows[0]?.result)
  }

  /** Tells how far a request of ours has come. @returns false when it is not ours any more */
  async note(session: LegacySession, claim: ClaimedRequestId, result: JsonValue): Promise<boolean> {
    const table = this.#table
    const row = table.row({ result: toJson(result, { field: 'RESULT_PAYLOAD' }) })
    return updateOwnRequest(session, table, claim, row)
  }
}
