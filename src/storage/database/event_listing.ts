import type { EventQuery } from '../contract.ts'
import { LAST, orderOf, placeOf, type EventOrder } from '../rules/event_order.ts'
import { Conditions } from './conditions.ts'
import type { Dialect } from './dialect.ts'
import type { Value } from './work.ts'

const COLUMNS: Record<EventOrder['sort'], string> = {
  name: 'name',
  nextRunAt: 'next_run_at',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
}

/** The statement that lists events. */
export function eventListing(
  query: EventQuery,
  dialect: Dialect
): { sql: string; bindings: Value[] } {
  const { sort, order } = orderOf(query)
  const by = sort === 'nextRunAt' ? `coalesce(next_run_at, ${LAST[order]})` : COLUMNS[sort]
  const conditions = narrowed(query, dialect)
  if (query.after) {
    const { value, id } = query.after
    const place = placeOf(value as never, order)
    const beyond = order === 'asc' ? '>' : '<'
    // One binding a condition: what is not beyond the place, or beyond it by the id alone
    conditions
      .add(`${by} ${beyond}= ?`, place)
      .addAll(`(${by} ${beyond} ? or id ${beyond} ?)`, [place, id])
  }
  const limit = query.limit === undefined ? '' : 'limit ?'
  return {
    sql: `select * from almanac_events ${conditions.sql} order by ${by} ${order}, id ${order} ${limit}`,
    bindings: [...conditions.bindings, ...(query.limit === undefined ? [] : [query.limit])],
  }
}

function narrowed(query: EventQuery, dialect: Dialect): Conditions {
  const text = query.text === undefined ? undefined : dialect.contains('name', query.text)
  const conditions = new Conditions()
    .addList('status', query.statuses)
    .add('source = ?', query.source)
    .add('handler = ?', query.handler)
    .add('subject = ?', query.subject)
    .add('next_run_at >= ?', query.nextFrom)
    .add('next_run_at < ?', query.nextTo)
    .add(text?.sql ?? '', text?.binding)
  for (const tag of query.tags ?? []) {
    conditions.add('id in (select event_id from almanac_event_tags where tag = ?)', tag)
  }
  return conditions
}
