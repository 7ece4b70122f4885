import { instant, integer, object, oneOf, refuseOthers } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import type { Report } from '../input/fields.ts'
import { readWantedTags } from './event_tags.ts'
import { EVENT_SORTS } from '../types/events.ts'
import type { EventPosition, EventQuery } from '../storage/contract.ts'
import type { EventFilter, EventRecord, EventStatus } from '../types/events.ts'

const STATUSES: readonly EventStatus[] = ['active', 'paused', 'completed', 'cancelled']
const NAMES = [
  ...(['status', 'source', 'handler', 'subject', 'tag', 'nextFrom', 'nextTo', 'text'] as const),
  ...(['sort', 'order', 'limit', 'cursor', 'after'] as const),
] satisfies (keyof EventFilter)[]
/** Sorts behind every id. */
const LAST_ID = '~'
/** A page longer than this is no page. */
const MAX_LIMIT = 10_000

type Given = Record<string, unknown>
type Order = Required<Pick<EventQuery, 'sort' | 'order'>>

/**
 * Reads the filter of a list; null stands for left out.
 *
 * @throws E_INVALID_INPUT with every problem at once
 */
export function readFilter(filter: unknown): EventQuery {
  const problems = new Problems()
  const { report } = problems
  const given = object('filter', filter, 'give an object, or leave it out', report)
  refuseOthers('', given, NAMES, report)
  const read = (name: keyof EventFilter, reader: (value: unknown) => unknown) =>
    given[name] === undefined || given[name] === null ? undefined : reader(given[name])
  const order = {
    sort: read('sort', (value) => oneOf('sort', value, EVENT_SORTS, report)) ?? 'name',
    order: read('order', (value) => oneOf('order', value, ['asc', 'desc'], report)) ?? 'asc',
  } as Order
  const query = {
    ...order,
    statuses: read('status', (value) => readStatuses(value, report)),
    source: read('source', (value) => someText('source', value, report)),
    handler: read('handler', (value) => someText('handler', value, report)),
    subject: read('subject', (value) => someText('subject', value, report)),
    tags: read('tag', (value) => readWantedTags(value, report)),
    nextFrom: read('nextFrom', (value) => instant('nextFrom', value, report)),
    nextTo: read('nextTo', (value) => instant('nextTo', value, report)),
    text: read('text', (value) => someText('text', value, report)),
    limit: read('limit', (value) => integer('limit', value, { min: 1, max: MAX_LIMIT }, report)),
    after: readPosition(given, order, report),
  } as EventQuery
  problems.throwAny('The filter of the events')
  return query
}

/**
 * Reads which events a change of many means. One that would mean all is refused.
 *
 * @throws E_INVALID_INPUT with every problem at once
 */
export function readSelector(selector: unknown): EventQuery {
  const problems = new Problems()
  const { report } = problems
  const given = object('selector', selector, 'give an object { tag } or { source }', report)
  refuseOthers('', given, ['tag', 'source'], report)
  const { tag, source } = given
  if (problems.list.length === 0 && isMissing(tag) && isMissing(source)) {
    report('selector', selector, 'give a tag or a source: a change of all events is refused')
  }
  const query = {
    ...(isMissing(tag) ? {} : { tags: readWantedTags(tag, report) }),
    ...(isMissing(source) ? {} : { source: someText('source', source, report) }),
  }
  problems.throwAny('The choice of events')
  return query
}

/** The cursor behind an event in the order of a query. */
export function positionAfter(event: EventRecord, query: EventQuery): string {
  const { sort = 'name', order = 'asc' } = query
  const position = [sort, order, event[sort], event.id]
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

function readPosition(given: Given, order: Order, report: Report): EventPosition | undefined {
  const { cursor, after } = given
  if (!isMissing(after)) {
    return readName(given, order, report)
  }
  if (isMissing(cursor)) {
    return undefined
  }
  const read = decoded(cursor)
  if (read === null) {
    report('cursor', cursor, 'give `next` of the page before, as it was')
    return undefined
  }
  const [sort, direction, value, id] = read
  if (sort !== order.sort || direction !== order.order) {
    const remedy = `it belongs to a list sorted by ${sort} ${direction}; give the same sort and order, or begin anew`
    report('cursor', cursor, remedy)
  }
  return { value, id }
}

function readName(given: Given, { sort, order }: Order, report: Report): EventPosition | undefined {
  if (!isMissing(given.cursor) || sort !== 'name' || order !== 'asc') {
    report('after', given.after, 'it goes with a list by name and without a cursor; give a cursor')
  }
  const name = someText('after', given.after, report)
  return name === undefined ? undefined : { value: name, id: LAST_ID }
}

function decoded(cursor: unknown): [string, string, EventPosition['value'], string] | null {
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor as string, 'base64url').toString())
    if (!Array.isArray(read) || read.length !== 4 || typeof read[3] !== 'string') {
      return null
    }
    const [sort, order, value, id] = read as [string, string, unknown, string]
    const fits = sort === 'name' ? typeof value === 'string' : isCount(value) || value === null
    return fits ? [sort, order, value as EventPosition['value'], id] : null
  } catch {
    return null
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= Number.MAX_SAFE_INTEGER
}

function readStatuses(value: unknown, report: Report): EventStatus[] | undefined {
  const wanted = Array.isArray(value) ? (value as unknown[]) : [value]
  if (wanted.length === 0) {
    report('status', value, 'give a status, or a list of at least one')
    return undefined
  }
  const named = (index: number) => (Array.isArray(value) ? `status[${index}]` : 'status')
  return wanted.map((status, index) => oneOf(named(index), status, STATUSES, report)!)
}

function someText(field: string, value: unknown, report: Report): string | undefined {
  if (typeof value === 'string' && value !== '') {
    return value
  }
  report(field, value, 'give a text of at least one character')
  return undefined
}

function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null
}
