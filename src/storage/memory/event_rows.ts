import { E_EVENT_EXISTS } from '../../errors.ts'
import type { EventRecord } from '../../types/events.ts'
import type { MissedRange, NewExecution } from '../contract.ts'
import { missedExecution, newExecution } from '../rules/new_records.ts'
import { insertMissed } from './missed_rows.ts'
import { insertChildren } from './workflow_births.ts'
import { jsonCopy, storable, type MemoryTables } from './tables.ts'

/** @throws E_EVENT_EXISTS */
export function checkName(tables: MemoryTables, event: EventRecord): void {
  for (const other of tables.events.values()) {
    const sameKey = other.sourceKey === event.sourceKey || other.name === event.name
    if (other.id !== event.id && other.source === event.source && sameKey) {
      throw new E_EVENT_EXISTS([event.name, event.source])
    }
  }
}

export function insertEvent(tables: MemoryTables, event: EventRecord): EventRecord {
  if (tables.events.has(event.id)) {
    throw new E_EVENT_EXISTS([event.id, event.source])
  }
  checkName(tables, event)
  return replaceEvent(tables, event)
}

export function replaceEvent(tables: MemoryTables, event: EventRecord): EventRecord {
  const stored = {
    ...event,
    payload: jsonCopy(event.payload, 'payload'),
    trigger: jsonCopy(event.trigger, 'trigger'),
    misfire: jsonCopy(event.misfire, 'misfire'),
    meta: jsonCopy(event.meta, 'meta'),
    tags: [...event.tags],
  }
  tables.events.set(event.id, stored)
  return stored
}

/** Refuses what cannot be stored before anything is changed. */
export function checkStorable(executions: NewExecution[] = []): void {
  for (const execution of executions) {
    storable(newExecution(execution, 0))
    checkStorable(execution.children)
  }
}

/** Slots that were due under the definition that an edit replaces. */
export function insertDue(
  tables: MemoryTables,
  before: EventRecord,
  executions: NewExecution[],
  missed: MissedRange[],
  now: number
): void {
  const event = tables.events.get(before.id)
  const fired = new Set<string>()
  for (const execution of executions) {
    const row = storable(newExecution(execution, now))
    if (!tables.conflict(row)) {
      fired.add(tables.insert(row).id)
      event!.runCount++
    }
  }
  for (const range of missed) {
    insertMissed(tables, missedExecution(before, range, now))
  }
  insertChildren(tables, executions, fired, now)
}
