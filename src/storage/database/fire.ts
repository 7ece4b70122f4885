import type { EventRecord } from '../../types/events.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { EventStore, FireResult, Firing } from '../contract.ts'
import { entriesToKeep, firedState, movedOn, onlyMovesOn } from '../rules/firing.ts'
import { missedExecution, newExecution } from '../rules/new_records.ts'
import { findEvents, lockSlots, patchEvents } from './event_rows.ts'
import { findExecutions, insertExecutions, patchExecutions } from './execution_rows.ts'
import { appendJournal } from './journal_store.ts'
import { insertMissed } from './missed_rows.ts'
import { insertChildren } from './workflow_births.ts'
import { instant, type Work } from './work.ts'

type FireParams = Parameters<EventStore['fire']>[0]

/** A firing whose event has not moved, and what came of it. */
interface Hit {
  eventId: string
  runCount: number
  firing: Firing
  fired: ExecutionRecord[]
}

/** One that does more than move its event on. */
interface FullHit extends Hit {
  event: EventRecord
  missed: ExecutionRecord[]
}

/**
 * Fires a batch of events in one transaction. The events stay locked from the
 * comparison of next_run_at to the end: only where it hits is anything inserted.
 */
export async function fire(work: Work, params: FireParams): Promise<FireResult> {
  const now = await instant(work, params.now)
  const { hits, stale } = await compare(work, params.firings)
  const full = await readFull(work, hits)
  await writeMissed(work, [...full.values()], now)
  await writeFired(work, hits, now)
  await patchEvents(
    work,
    hits.map((hit) => ({
      id: hit.eventId,
      patch: {
        ...stateAfter(hit, full.get(hit.eventId), now),
        runCount: hit.runCount + hit.fired.length,
      },
    }))
  )
  await appendJournal(work, entriesToKeep(params.journal, stale), now)
  return {
    fired: hits.flatMap(({ fired }) => fired),
    missed: [...full.values()].flatMap(({ missed }) => missed),
    stale,
    completed: hits.filter(({ firing }) => firing.nextRunAt === null).map(({ eventId }) => eventId),
  }
}

/** Locks the events and looks at what the comparison needs of them, which is little. */
async function compare(work: Work, firings: Firing[]): Promise<{ hits: Hit[]; stale: string[] }> {
  const events = await lockSlots(
    work,
    firings.map(({ eventId }) => eventId)
  )
  const hits: Hit[] = []
  const stale: string[] = []
  for (const firing of firings) {
    const { eventId } = firing
    const event = events.get(eventId)
    if (event?.status === 'active' && event.nextRunAt === firing.expectedNextRunAt) {
      // A second firing of the event in this batch comes too late
      events.delete(eventId)
      hits.push({ eventId, runCount: event.runCount, firing, fired: [] })
    } else {
      stale.push(eventId)
    }
  }
  return { hits, stale }
}

/** The whole events where a firing does more than move its event on, which are few in most ticks. */
async function readFull(work: Work, hits: Hit[]): Promise<Map<string, FullHit>> {
  const further = new Map(
    hits.filter(({ firing }) => !onlyMovesOn(firing)).map((hit) => [hit.eventId, hit])
  )
  const events = await findEvents(work, [...further.keys()])
  const byId = new Map(events.map((event) => [event.id, event]))
  const full = new Map<string, FullHit>()
  for (const [id, hit] of further) {
    full.set(id, Object.assign(hit, { event: byId.get(id)!, missed: [] }))
  }
  return full
}

function stateAfter(hit: Hit, full: FullHit | undefined, now: number): Partial<EventRecord> {
  if (full === undefined) {
    return movedOn(hit.firing)
  }
  return firedState(full.event, full.firing, full.missed.at(-1)?.id ?? null, now)
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

async function writeMissed(work: Work, hits: FullHit[], now: number): Promise<void> {
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
  hits: FullHit[],
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
