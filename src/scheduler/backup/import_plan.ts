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
  unchanged: number
  refused: LineProblem[]
}

/** Compares what was read with what is there. Of two lines with one event the first stands. */
export function planImport(lines: ReadLine[], stored: EventRecord[]): ImportPlan {
  const byKey = new Map(stored.map((event) => [keyOf(event), event]))
  const byName = new Map(stored.map((event) => [nameOf(event), event]))
  const ids = new Set(stored.map(({ id }) => id))
  const seen = new Map<string, number>()
  const plan: ImportPlan = { added: [], conflicting: [], conflicts: [], unchanged: 0, refused: [] }
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
    const existing = sameKey ?? byName.get(nameOf(event)) ?? null
    if (!existing) {
      // An id that belongs to another event stays with it
      const id = ids.has(event.id) ? '' : event.id
      plan.added.push({ line, event: { ...event, id }, existing })
    } else if (isSame(existing, event)) {
      plan.unchanged++
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
function isSame(stored: EventRecord, event: ExportedEvent): boolean {
  // Ids and keys are the store's own, and runs go on being counted
  const comparable = ({ id, sourceKey, runCount, ...rest }: ExportedEvent) =>
    JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)))
  return comparable(exported(stored)) === comparable(event)
}

function keyOf({ source, sourceKey }: Pick<EventRecord, 'source' | 'sourceKey'>): string {
  return JSON.stringify(['key', source, sourceKey])
}

function nameOf({ source, name }: Pick<EventRecord, 'source' | 'name'>): string {
  return JSON.stringify(['name', source, name])
}
