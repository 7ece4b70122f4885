import type { JsonObject } from '../types/json.ts'
import type { SourceDeps } from './runtime.ts'
import type { Requests, RequestRow } from './tables/requests.ts'

type Deps = Pick<SourceDeps, 'connection' | 'logger' | 'counters'>

/** Ends claimed rows that become no run: done, refused, or given back. */
export class RequestEnds {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  done(requests: Requests, row: RequestRow, result: JsonObject): Promise<void> {
    return this.#finish(requests, row, 'DONE', result)
  }

  /** One bad row by itself: FAILED, with the reason. */
  async refuse(requests: Requests, row: RequestRow, reason: string): Promise<void> {
    const { counters, logger } = this.#deps
    counters.increment('legacy.refused')
    logger.warn({ requestId: row.requestId, reason }, 'A legacy request was refused')
    await this.#finish(requests, row, 'FAILED', { status: 'FL', message: reason })
  }

  /** Rows of one claim, for any node to take. */
  async handBack(requests: Requests, rows: RequestRow[]): Promise<void> {
    const ids = rows.map(({ requestId }) => requestId)
    await requests.handBackAll(this.#deps.connection.session, rows[0].claimedBy!, ids)
  }

  async #finish(
    requests: Requests,
    row: RequestRow,
    status: 'DONE' | 'FAILED',
    result: JsonObject
  ): Promise<void> {
    const { connection } = this.#deps
    const now = await connection.now()
    const { requestId, claimedBy } = row
    const end = { requestId, claimedBy: claimedBy!, status, result, now }
    await requests.finish(connection.session, end)
  }
}
