import type { EventRecord } from '../../types/events.ts'
import type { EventStore, SourceDefinition, SyncResult } from '../contract.ts'
import { newEvent } from '../rules/new_records.ts'
import { checkPlan, needsWriting, pausedBySource, redefined, syncEntries } from '../rules/sync.ts'
import { deleteEvent, findEvent, insertEvent, replaceEvent, toEvent } from './event_rows.ts'
import { insertDue } from './due_rows.ts'
import { forgetEvent, oneAtATime } from './dependency_changes.ts'
import { appendJournal } from './journal_store.ts'
import { instant, type Work } from './work.ts'

type SyncParams = Parameters<EventStore['syncSource']>[0]

/** Brings the events of one source in step, in one transaction. */
export async function syncSource(work: Work, params: SyncParams): Promise<SyncResult> {
  const { source, definitions, missing } = params
  const now = await instant(work, params.now)
  // Two nodes that bring in the same new event must not meet: the second has to see what the first did
  await oneAtATime(work)
  const rows = await work.all(
    `select * from almanac_events where source = ? order by id ${work.dialect.lockRows}`,
    [source]
  )
  const existing = new Map(rows.map(toEvent).map((event) => [event.sourceKey, event]))
  for (const definition of definitions) {
    checkPlan(existing.get(definition.sourceKey), definition)
  }
  const result: SyncResult = { added: [], changed: [], removed: [], unchanged: 0 }
  const kept = new Set(definitions.map(({ sourceKey }) => sourceKey))
  for (const event of existing.values()) {
    if (!kept.has(event.sourceKey)) {
      await remove(work, event, missing, now, result)
    }
  }
  for (const definition of definitions) {
    await apply(work, existing.get(definition.sourceKey), definition, now, result)
  }
  await appendJournal(work, syncEntries(params.journal, source, result), now)
  return result
}

async function apply(
  work: Work,
  before: EventRecord | undefined,
  definition: SourceDefinition,
  now: number,
  result: SyncResult
): Promise<void> {
  if (!before) {
    const { planned, ...columns } = definition
    await insertEvent(work, newEvent(columns, now))
    result.added.push((await findEvent(work, definition.id))!)
  } else if (needsWriting(before, definition)) {
    const { planned, ...columns } = definition
    const after = redefined(before, definition, now)
    await replaceEvent(work, before, after, columns)
    await insertDue(work, before, planned ?? {}, now)
    result.changed.push({ before, after: (await findEvent(work, before.id))! })
  } else {
    result.unchanged++
  }
}

async function remove(
  work: Work,
  event: EventRecord,
  missing: SyncParams['missing'],
  now: number,
  result: SyncResult
): Promise<void> {
  if (missing === 'delete') {
    await forgetEvent(work, event, true, now)
    await deleteEvent(work, event.id)
    result.removed.push(event)
    return
  }
  const paused = pausedBySource(event, now)
  if (paused) {
    await replaceEvent(work, event, paused)
    result.removed.push(paused)
  }
}
