import type { EventQuery, Storage } from '../storage/contract.ts'
import type { EventRecord } from '../types/events.ts'

const PAGE = 1_000

/** All events in order of their names, page by page. */
export async function* pagesOfEvents(
  storage: Storage,
  query: Omit<EventQuery, 'limit' | 'after' | 'sort' | 'order'>,
  size = PAGE
): AsyncGenerator<EventRecord[], void, void> {
  let after: EventQuery['after']
  for (;;) {
    const page: EventRecord[] = await storage.events.list({ ...query, after, limit: size })
    yield page
    const last = page.at(-1)
    if (last === undefined || page.length < size) {
      return
    }
    after = { value: last.name, id: last.id }
  }
}
