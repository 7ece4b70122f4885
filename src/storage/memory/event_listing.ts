import type { EventRecord } from '../../types/events.ts'
import type { EventQuery } from '../contract.ts'
import { orderOf, placeOf } from '../rules/event_order.ts'
import { lowerAscii } from '../rules/text.ts'
import { compare } from './tables.ts'

/** The events that a query means, in its order. */
export function listEvents(events: Iterable<EventRecord>, query: EventQuery): EventRecord[] {
  const { sort, order } = orderOf(query)
  const place = (event: EventRecord) => placeOf(event[sort], order)
  const direction = order === 'asc' ? 1 : -1
  const compared = (a: [string | number, string], b: [string | number, string]) =>
    direction * (compareValues(a[0], b[0]) || compare(a[1], b[1]))
  const { after } = query
  const beyond = (event: EventRecord) =>
    !after ||
    compared([place(event), event.id], [placeOf(after.value as never, order), after.id]) > 0
  return [...events]
    .filter((event) => fits(event, query) && beyond(event))
    .sort((a, b) => compared([place(a), a.id], [place(b), b.id]))
    .slice(0, query.limit)
}

function compareValues(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : compare(String(a), String(b))
}

function fits(event: EventRecord, query: EventQuery): boolean {
  const { statuses, tags = [], nextFrom, nextTo } = query
  const text = query.text === undefined ? '' : lowerAscii(query.text)
  const next = event.nextRunAt
  return (
    (statuses === undefined || statuses.includes(event.status)) &&
    isOrAny(event.source, query.source) &&
    isOrAny(event.handler, query.handler) &&
    isOrAny(event.subject, query.subject) &&
    tags.every((tag) => event.tags.includes(tag)) &&
    (nextFrom === undefined || (next !== null && next >= nextFrom)) &&
    (nextTo === undefined || (next !== null && next < nextTo)) &&
    lowerAscii(event.name).includes(text)
  )
}

function isOrAny(value: string | null, wanted: string | undefined): boolean {
  return wanted === undefined || value === wanted
}
