import type { EventRecord } from '../../types/events.ts'
import type { EventStore, SourceDefinition, SyncResult } from '../contract.ts'
import { newEvent } from '../rules/new_records.ts'
import { checkPlan, needsWriting, pausedBySource, redefined, syncEntries } from '../rules/sync.ts'
import { checkName, checkStorable, insertDue, insertEvent, replaceEvent } from './event_rows.ts'
import { forgetEvent } from './dependencies.ts'
import { copy, type MemoryTables } from './tables.ts'

type SyncParams = Parameters<EventStore['syncSource']>[0]

/** Brings the events of one source in step; nothing is changed when it throws. */
export function syncSource(tables: MemoryTables, params: SyncParams): SyncResult {
  const { source, definitions, missing } = params
  const now = tables.now(params.now)
  const existing = new Map(
    [...tables.events.values()]
      .filter((event) => event.source === source)
      .map((event) => [event.sourceKey, event])
  )
  for (const definition of definitions) {
    checkPlan(existing.get(definition.sourceKey), definition)
    checkStorable(definition.planned?.executions)
  }
  const backup = new Map(tables.events)
  const result: SyncResult = { added: [], changed: [], removed: [], unchanged: 0 }
  try {
    removeMissing(tables, existing, definitions, missing, now, result)
    for (const definition of definitions) {
      apply(tables, existing.get(definition.sourceKey), definition, now, result)
    }
  } catch (error) {
    tables.events.clear()
    backup.forEach((event, id) => tables.events.set(id, event))
    throw error
  }
  for (const { planned } of definitions) {
    const change = planned && result.changed.find(({ before }) => before.id === planned.id)
    if (change) {
      insertDue(tables, change.before, planned.executions, planned.missed, now)
      change.after = copy(tables.events.get(planned.id)!)
    }
  }
  tables.addJournal(syncEntries(params.journal, source, result), now)
  return result
}

function apply(
  tables: MemoryTables,
  event: EventRecord | undefined,
  definition: SourceDefinition,
  now: number,
  result: SyncResult
): void {
  if (!event) {
    const { planned, ...columns } = definition
    result.added.push(copy(insertEvent(tables, newEvent(columns, now))))
  } else if (needsWriting(event, definition)) {
    const after = redefined(event, definition, now)
    checkName(tables, after)
    result.changed.push({ before: copy(event), after: copy(replaceEvent(tables, after)) })
  } else {
    result.unchanged++
  }
}

function removeMissing(
  tables: MemoryTables,
  existing: Map<string, EventRecord>,
  definitions: SourceDefinition[],
  missing: SyncParams['missing'],
  now: number,
  result: SyncResult
): void {
  const kept = new Set(definitions.map((definition) => definition.sourceKey))
  for (const event of existing.values()) {
    if (kept.has(event.sourceKey)) {
      continue
    }
    const paused = missing === 'pause' ? pausedBySource(event, now) : null
    if (missing === 'delete') {
      forgetEvent(tables, event, true, now)
      tables.events.delete(event.id)
      result.removed.push(event)
    } else if (paused) {
      result.removed.push(replaceEvent(tables, paused))
    }
  }
}
