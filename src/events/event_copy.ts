import { MAX_TEXT } from '../input/fields.ts'
import type { EventChange, EventRecord } from '../types/events.ts'
import { definitionOf } from './event_fields.ts'

/** What a copy of an event is created from, under one name after the other. */
export function* copyOf(
  event: EventRecord,
  change: EventChange & { enabled?: boolean }
): Generator<object, never> {
  for (let count = 1; ; count++) {
    yield { ...definitionOf(event), name: nameOf(event.name, count), enabled: false, ...change }
  }
}

function nameOf(name: string, count: number): string {
  const mark = count === 1 ? ' (copy)' : ` (copy ${count})`
  return `${name.slice(0, MAX_TEXT - mark.length).toWellFormed()}${mark}`
}
