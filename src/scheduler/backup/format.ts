import { definitionOf, type EventDefinition } from '../../events/event_fields.ts'
import type { ParentReference } from '../../events/after.ts'
import { E_IMPORT_FORMAT } from '../../errors.ts'
import { shown } from '../../triggers/field_reader.ts'
import type { EventRecord } from '../../types/events.ts'

/*
 * One JSON document per line: a header, then one event each. Events carry
 * their definition and what outlives a move to another store; counters of
 * what ran, and next slots, are of one store and left out.
 */

/** The version that this code writes, and the newest it reads. */
export const FORMAT = 1
const KIND = 'events'

/** What an event carries beside its definition. */
export const KEPT = [
  'id',
  'source',
  'sourceKey',
  'sourceHash',
  'status',
  'statusBy',
  'pausedAt',
  'runCount',
  'skippedSlot',
] as const satisfies (keyof EventRecord)[]

/** An event as a line holds it. */
export type ExportedEvent = EventDefinition & Pick<EventRecord, (typeof KEPT)[number]>

export function headerLine(exportedAt: string): string {
  return JSON.stringify({ almanac: KIND, format: FORMAT, exportedAt })
}

/** @param after what it runs after */
export function eventLine(event: EventRecord, after: ParentReference[] = []): string {
  return JSON.stringify({ ...exported(event), ...(after.length > 0 ? { after } : {}) })
}

export function exported(event: EventRecord): ExportedEvent {
  const kept = Object.fromEntries(KEPT.map((field) => [field, event[field]]))
  return { ...kept, ...definitionOf(event) } as ExportedEvent
}

/** @throws E_IMPORT_FORMAT when the line is no header, or one of a newer format */
export function checkHeader(line: string): void {
  const header = parse(line)
  if (header?.almanac !== KIND || !Number.isInteger(header.format)) {
    throw new E_IMPORT_FORMAT([shown(line), 'the first line must be the header of an export'])
  }
  if (Number(header.format) > FORMAT) {
    const reason = `it has format ${header.format}, and this version reads up to ${FORMAT}; update adonisjs-almanac first`
    throw new E_IMPORT_FORMAT([shown(line), reason])
  }
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
