import type { EventRecord } from '../../types/events.ts'
import type { EventQuery } from '../contract.ts'

/** Where events without a next slot stand, so that they come last in either order. */
export const LAST = { asc: Number.MAX_SAFE_INTEGER, desc: -1 }

export type EventOrder = Required<Pick<EventQuery, 'sort' | 'order'>>

export function orderOf({ sort = 'name', order = 'asc' }: EventQuery): EventOrder {
  return { sort, order }
}

/** The value by which an event stands in a list. */
export function placeOf(
  value: EventRecord[EventOrder['sort']],
  order: EventOrder['order']
): string | number {
  return value ?? LAST[order]
}
