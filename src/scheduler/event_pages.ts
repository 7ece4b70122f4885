import type { Storage } from '../storage/contract.ts'
import type { EventFilter, EventRecord } from '../types/events.ts'

const PAGE = 1_000

/**
 * All events in order of their names, page by page. Events of several sources
 * may share a name: none of them is lost between two pages.
 */
export async function* pagesOfEvents(
  storage: Storage,
  filter: Omit<EventFilter, 'limit' | 'after'>,
  size = PAGE
): AsyncGenerator<EventRecord[], void, void> {
  let after: string | undefined
  for (;;) {
    const page = await storage.events.list({ ...filter, after, limit: size })
    if (page.length < size) {
      yield page
      return
    }
    const last = page[page.length - 1].name
    const whole = page.filter(({ name }) => name !== last)
    if (whole.length === 0) {
      // One name fills the page
      yield await allNamed(storage, filter, last)
      after = last
    } else {
      yield whole
      after = whole[whole.length - 1].name
    }
  }
}

async function allNamed(
  storage: Storage,
  filter: Omit<EventFilter, 'limit' | 'after'>,
  name: string
): Promise<EventRecord[]> {
  const near = await storage.events.list({ ...filter, text: name })
  return near.filter((event) => event.name === name)
}
