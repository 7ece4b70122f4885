import { E_STORAGE_UNAVAILABLE } from '../errors.ts'
import type { EventQuery, EventStore } from '../storage/contract.ts'
import type { BulkResult, EventRecord } from '../types/events.ts'

/** Events read at a time. */
const PAGE = 500

interface Bulk {
  events: EventStore
  query: EventQuery
  /** Changes one event. @returns whether it was written */
  change: (event: EventRecord) => Promise<boolean>
}

/**
 * Changes the events that a query means, each judged alone: one that cannot
 * be changed is told of and stands in nobody's way. They are read in order of
 * name and id, which no such change moves.
 */
export async function changeMany({ events, query, change }: Bulk): Promise<BulkResult> {
  const result: BulkResult = { changed: [], unchanged: [], failed: [] }
  let away: unknown
  let after: EventQuery['after']
  for (;;) {
    const page = await events.list({ ...query, limit: PAGE, ...(after ? { after } : {}) })
    for (const event of page) {
      try {
        // Each try would wait for the store again
        if (away !== undefined) {
          throw away
        }
        const written = await change(event)
        result[written ? 'changed' : 'unchanged'].push(event.id)
      } catch (error) {
        away ??= error instanceof E_STORAGE_UNAVAILABLE ? error : undefined
        result.failed.push(failure(event, error))
      }
    }
    const last = page.at(-1)
    if (page.length < PAGE || !last || away !== undefined) {
      return result
    }
    after = { value: last.name, id: last.id }
  }
}

function failure({ id, name }: EventRecord, error: unknown): BulkResult['failed'][number] {
  const { code = 'E_UNEXPECTED', message = String(error) } = error as Partial<
    Error & { code: string }
  >
  return { id, name, code, message }
}
