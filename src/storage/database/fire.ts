import type { EventRecord } from '../../types/events.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { EventStore, FireResult, Firing } from '../contract.ts'
import { entriesToKeep, firedState } from '../rules/firing.ts'
import { missedExecution, newExecution } from '../rules/new_records.ts'
import { lockEvents, patchEvents } from './event_rows.ts'
import { findExecutions, insertExecutions, patchExecutions } from './execution_rows.ts'
import { appendJournal } from './journal_store.ts'
import { insertMissed } from './missed_rows.ts'
import { insertChildren } from './workflow_births.ts'
import { instant, type Work } from './work.ts'

type FireParams = Parameters<EventStore['fire']>[0]

/** A firing whose event has not moved, and what came of it. */
interface Hit {
  event: EventRecord
  firing: Firing
  fired: ExecutionRecord[]
  missed: ExecutionRecord[]
}

/**
 * Fires a batch of events in one transaction. The events stay locked from the
 * comparison of next_run_at to the end: only where it hits is anything inserted.
 */
export async function fire(work: Work, params: FireParams): Promise<FireResult> {
  const now = await instant(work, params.now)
  const { hits, stale } = await compare(work, params.firings)
  await writeMissed(work, hits, now)
  await writeFired(work, hits, now)
  await patchEvents(
    work,
    hits.map((hit) => ({ id: hit.event.id, patch: patchOf(hit, now) }))
  )
  await appendJournal(work, entriesToKeep(params.journal, stale), now)
  return {
    fired: hits.flatMap(({ fired }) => fired),
    missed: hits.flatMap(({ missed }) => missed),
    stale,
    completed: hits.filter(({ firing }) => firing.nextRunAt === null).map(({ event }) => event.id),
  }
}

async function compare(work: Work, firings: Firing[]): Promise<{ hits: Hit[]; stale: string[] }> {
  const events = await lockEvents(
    work,
    firings.map(({ eventId }) => eventId)
  )
  const hits: Hit[] = []
  const stale: string[] = []
  for (const firing of firings) {
    const event = events.get(firing.eventId)
    if (event?.status === 'active' && event.nextRunAt === firing.expectedNextRunAt) {
      // A second firing of the event in this batch comes too late
      events.delete(event.id)
      hits.push({ event, firing, fired: [], missed: [] })
    } else {
      stale.push(firing.eventId)
    }
  }
  return { hits, stale }
}

function patchOf({ event, firing, fired, missed }: Hit, now: number): Partial<EventRecord> {
  return {
    ...firedState(event, firing, missed.at(-1)?.id ?? null, now),
    runCount: event.runCount + fired.length,
  }
}

async function writeFired(work: Work, hits: Hit[], now: number): Promise<void> {
  const rows = hits.map(({ firing }) =>
    firing.executions.map((execution) => newExecution(execution, now))
  )
  const inserted = await insertExecutions(work, rows.flat())
  hits.forEach((hit, index) => {
    hit.fired.push(...rows[index].filter(({ id }) => inserted.has(id)))
  })
  for (const { firing } of hits) {
    await insertChildren(work, firing.executions, inserted, now)
  }
}

async function writeMissed(work: Work, hits: Hit[], now: number): Promise<void> {
  const extended = await extendOpen(work, hits, now)
  const rows = hits.map(({ event, firing }) => {
    const ranges = extended.has(event.id) ? firing.missed.slice(1) : firing.missed
    return ranges.map((range) => missedExecution(event, range, now))
  })
  const inserted = await insertMissed(work, rows.flat())
  hits.forEach(({ event, missed }, index) => {
    const written = rows[index].map(({ id }) => inserted.get(id))
    missed.push(...[extended.get(event.id), ...written].filter((row) => row !== undefined))
  })
}

/**
 * Lengthens the open ranges that the first missed range of an event continues.
 *
 * @returns the longer rows by event; none where the range is gone or has another reason
 */
async function extendOpen(
  work: Work,
  hits: Hit[],
  now: number
): Promise<Map<string, ExecutionRecord>> {
  const continued = hits.filter(
    ({ event, firing }) =>
      firing.extendsOpenMissed && firing.missed.length > 0 && event.openMissedId !== null
  )
  const open = await findExecutions(
    work,
    continued.map(({ event }) => event.openMissedId!)
  )
  const extended = new Map<string, ExecutionRecord>()
  const patches = []
  for (const { event, firing } of continued) {
    const row = open.get(event.openMissedId!)
    const [range] = firing.missed
    if (row?.state === 'missed' && row.reason === range.reason) {
      const patch = {
        slotLast: range.last,
        slotCount: row.slotCount + range.count,
        finishedAt: now,
      }
      patches.push({ id: row.id, patch })
      extended.set(event.id, { ...row, ...patch })
    }
  }
  await patchExecutions(work, patches)
  return extended
}
