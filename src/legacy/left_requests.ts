import type { Logger } from '../types/logger.ts'
import type { LegacySession } from './connection.ts'
import type { RequestBook } from './tables/request_book.ts'

/** Counts the NEW requests of unknown types that config leaves to other programs, and tells each change once. */
export class LeftRequests {
  readonly #deps: { source: string; logger: Logger }
  #counts: Record<string, number> = {}

  constructor(deps: { source: string; logger: Logger }) {
    this.#deps = deps
  }

  /** By type, as of the last look. */
  get counts(): Readonly<Record<string, number>> {
    return this.#counts
  }

  async look(session: LegacySession, book: RequestBook): Promise<void> {
    const counts = await book.countLeft(session)
    const { source, logger } = this.#deps
    if (shown(counts) !== shown(this.#counts)) {
      const text = shown(counts) || 'none any more'
      logger.warn(
        { source, left: counts },
        `Legacy source "${source}": requests of unknown types that are left NEW: ${text}`
      )
    }
    this.#counts = counts
  }
}

function shown(counts: Record<string, number>): string {
  const entries = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([type, count]) => `${count} ${type}`).join(', ')
}
