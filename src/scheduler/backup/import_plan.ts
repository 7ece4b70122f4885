import type { EventRecord } from '../../types/events.ts'
import { exported, type ExportedEvent } from './format.ts'
import type { LineProblem, ReadLine } from './read_line.ts'

/** A line whose event is there already, with another definition or state. */
export interface ImportConflict {
  line: number
  name: string
  source: string
  /** The event that is there. */
  eventId: string
  /** What both have in common within the source. */
  by: 'key' | 'name'
}

export interface PlannedImport extends ReadLine {
  /** The event in whose place it is put; null for a new one. */
  existing: EventRecord | null
}

export interface ImportPlan {
  added: PlannedImport[]
  conflicting: PlannedImport[]
  conflicts: ImportConflict[]
  /** Lines whose event is there just so. */
  same: ReadLine[]
  refused: LineProblem[]
}

/** How an imported event would stand here and now. */
type Outlook = (event: ExportedEvent, existing: EventRecord) => Pick<EventRecord, 'status'>

/**
 * Compares what was read with what is there. Of two lines with one event the first stands.
 *
 * @param now the database's clock, epoch ms
 */
export function planImport(
  lines: ReadLine[],
  stored: EventRecord[],
  { outlook, now }: { outlook: Outlook; now: number }
): ImportPlan {
  const byKey = new Map(stored.map((event) => [keyOf(event), event]))
  const byName = new Map(stored.map((event) => [nameOf(event), event]))
  const ids = new Set(stored.map(({ id }) => id))
  const seen = new Map<string, number>()
  const plan: ImportPlan = { added: [], conflicting: [], conflicts: [], same: [], refused: [] }
  for (const read of lines) {
    const { line, event } = read
    const twice = seen.get(keyOf(event)) ?? seen.get(nameOf(event))
    if (twice !== undefined) {
      const message = `line ${twice} has this event already; leave one of them out`
      plan.refused.push({ line, field: 'name', value: event.name, message })
      continue
    }
    seen.set(keyOf(event), line).set(nameOf(event), line)
    const sameKey = byKey.get(keyOf(event))
    const sameName = byName.get(nameOf(event))
    if (sameKey && sameName && sameKey !== sameName) {
      const message = `event ${sameKey.id} has its key, and ${sameName.id} its name; rename one of the two first`
      plan.refused.push({ line, field: 'name', value: event.name, message })
      continue
    }
    const existing = sameKey ?? sameName ?? null
    if (!existing) {
      // An id that belongs to another event stays with it
      const id = ids.has(event.id) ? '' : event.id
      ids.add(event.id)
      plan.added.push({ ...read, event: { ...event, id }, existing })
    } else if (isSame(existing, { ...event, ...outlook(event, existing) }, now)) {
      plan.same.push(read)
    } else {
      const { name, source } = event
      const by = sameKey ? 'key' : 'name'
      plan.conflicts.push({ line, name, source, eventId: existing.id, by })
      plan.conflicting.push({ ...read, existing })
    }
  }
  return plan
}

/** Whether the event is there just as the line has it. */
function isSame(stored: EventRecord, event: ExportedEvent, now: number): boolean {
  // Ids and keys are the store's own, runs go on being counted, and a skipped slot passes
  const comparable = ({ id, sourceKey, runCount, skippedSlot, ...rest }: ExportedEvent) => {
    const ahead = skippedSlot !== null && skippedSlot > now ? skippedSlot : null
    const entries = Object.entries({ ...rest, ahead })
    return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  const there = exported(stored)
  const pausedAt = event.pausedAt ?? there.pausedAt
  return comparable(there) === comparable({ ...event, pausedAt })
}

function keyOf({ source, sourceKey }: Pick<EventRecord, 'source' | 'sourceKey'>): string {
  return JSON.stringify(['key', source, sourceKey])
}

function nameOf({ source, name }: Pick<EventRecord, 'source' | 'name'>): string {
  return JSON.stringify(['name', source, name])
}
