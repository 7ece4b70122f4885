import { E_BACKFILL_CONFLICT, E_BACKFILL_TOO_LARGE } from '../../errors.ts'
import { validateActor } from '../../events/event_validator.ts'
import { transition } from '../../events/event_status.ts'
import { executionNotice } from '../../executions/notices.ts'
import { newId } from '../../ids.ts'
import {
  concurrencyKeyOf,
  refuseBroken,
  type ExecutionDefaults,
} from '../../loop/slot_execution.ts'
import { toIso } from '../../triggers/instant.ts'
import type { ChildPlanner } from '../../events/child_planner.ts'
import type { Clock } from '../../clock.ts'
import type { Profiles } from '../../loop/slot_payload.ts'
import type { RangeSplit, Storage } from '../../storage/contract.ts'
import type { TriggerManager } from '../../triggers/trigger_manager.ts'
import type { EventRecord } from '../../types/events.ts'
import type { ExecutionState } from '../../types/executions.ts'
import type { NewJournalEntry } from '../../types/journal.ts'
import type { Notifier } from '../../types/notifications.ts'
import { readBackfill, type BackfillOptions, type ReadBackfill } from './options.ts'
import { planBackfill, type BackfillPlan } from './plan.ts'

export interface BackfillDeps {
  storage: Storage
  clock: Clock
  notifier: Notifier
  triggers: TriggerManager
  events: { get(id: string): Promise<EventRecord> }
  /** Where executions of a handler go when the event says nothing. */
  defaults: (handler: string) => ExecutionDefaults
  profiles: Profiles
  children: Pick<ChildPlanner, 'attach'>
  /** There is work in the queue. */
  wake: () => void
}

/** What a backfill did, or with `dryRun` would do. Instants are epoch ms (UTC). */
export interface BackfillReport {
  eventId: string
  name: string
  from: number
  to: number
  dryRun: boolean
  /** Slots of the window. */
  slots: number
  /** Slots that are queued now: the sum of the next three. */
  queued: number
  /** Of these: missed before. */
  missed: number
  /** Of these: no row knew of them. */
  created: number
  /** Of these: run again. */
  reruns: number
  /** Slots that stay as they are, by the state they are in. */
  left: Partial<Record<ExecutionState, number>>
  /** Slots that the loop, or the resume of a paused event, is still to decide. */
  pending: number
  /** Ids of the executions, in the order in which they are to run; none of a dry run. */
  executions: string[]
}

/** Slots that one backfill looks at. */
export const MAX_BACKFILL = 10_000
/** How often it plans anew when a tick moved a range under its hands. */
const ATTEMPTS = 5

/**
 * Runs slots of the past that were not run.
 *
 * @throws E_EVENT_NOT_FOUND, E_INVALID_INPUT, E_BACKFILL_TOO_LARGE, E_BACKFILL_CONFLICT
 * @throws E_EVENT_TRANSITION when the event is cancelled
 */
export async function backfill(
  deps: BackfillDeps,
  eventId: string,
  options: BackfillOptions
): Promise<BackfillReport> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const report = await once(deps, eventId, options)
    if (report) {
      return report
    }
  }
  throw new E_BACKFILL_CONFLICT([eventId])
}

/** @returns null when a range moved between reading and writing */
async function once(
  deps: BackfillDeps,
  eventId: string,
  options: BackfillOptions
): Promise<BackfillReport | null> {
  const { storage, clock, triggers } = deps
  const event = await deps.events.get(eventId)
  transition(event, 'trigger')
  refuseBroken(event)
  const now = clock.nowOrNull() ?? (await storage.now())
  const sharesKey = concurrencyKeyOf(event) !== null
  const read = readBackfill(`The backfill of event "${event.name}"`, options, { now, sharesKey })
  const actor = read.by === undefined ? 'system' : validateActor(read.by)
  const { from, to } = read
  const all = triggers.slots(event.trigger, from, to, MAX_BACKFILL + 1)
  if (all.length > MAX_BACKFILL) {
    throw new E_BACKFILL_TOO_LARGE([event.name, String(MAX_BACKFILL), toIso(all[MAX_BACKFILL])])
  }
  const slots = all.filter((slot) => event.nextRunAt === null || slot < event.nextRunAt)
  const plan = planBackfill({
    event,
    slots,
    rows: slots.length === 0 ? [] : await rowsOf(deps, event, slots),
    next: (after) => triggers.next(event.trigger, after),
    options: read,
    now,
    newId,
    defaults: deps.defaults(event.handler),
    profiles: deps.profiles,
  })
  const report = reportOf(event, read, plan, all.length)
  if (read.dryRun || plan.order.length === 0) {
    return report
  }
  const written = await write(deps, event, plan, entryOf(actor, event, read, plan))
  return written && { ...report, executions: written }
}

function rowsOf({ storage }: BackfillDeps, event: EventRecord, slots: number[]) {
  const window = { from: slots[0], to: slots[slots.length - 1] }
  return storage.executions.listSlots({ eventId: event.id, ...window })
}

/** @returns the ids of what is queued, in order; null when a range moved */
async function write(
  { storage, clock, notifier, children, wake }: BackfillDeps,
  event: EventRecord,
  plan: BackfillPlan,
  journal: NewJournalEntry
): Promise<string[] | null> {
  const executions = await children.attach(plan.executions)
  const splits = await attachInPlace(children, plan.splits)
  const params = { now: clock.nowOrNull(), eventId: event.id, splits, executions, journal }
  const written = await storage.executions.backfill(params)
  if (!written) {
    return null
  }
  const ids = new Set([...written.requeued, ...written.inserted])
  const queued = plan.order.filter(({ id }) => ids.has(id))
  for (const execution of queued) {
    const notice = { ...execution, attempt: 0, node: null }
    notifier.emit('execution:queued', executionNotice(notice, clock.now()))
  }
  wake()
  return queued.map(({ id }) => id)
}

/** The rows that are queued in place begin runs of a workflow, too. */
async function attachInPlace(
  children: BackfillDeps['children'],
  splits: RangeSplit[]
): Promise<RangeSplit[]> {
  const made = await children.attach(splits.flatMap(({ execution }) => execution ?? []))
  const byId = new Map(made.map((execution) => [execution.id, execution]))
  return splits.map((split) =>
    split.execution ? { ...split, execution: byId.get(split.execution.id)! } : split
  )
}

function reportOf(
  event: EventRecord,
  { from, to, dryRun }: ReadBackfill,
  plan: BackfillPlan,
  slots: number
): BackfillReport {
  const { missed, created, reruns, left } = plan
  const queued = plan.order.length
  const decided = queued + Object.values(left).reduce((sum, count) => sum + count, 0)
  return {
    ...{ eventId: event.id, name: event.name, from, to, dryRun },
    ...{ slots, queued, missed, created, reruns, left },
    pending: slots - decided,
    executions: [],
  }
}

function entryOf(
  actor: string,
  event: EventRecord,
  read: ReadBackfill,
  { missed, created, reruns }: BackfillPlan
): NewJournalEntry {
  const { order, concurrency, rerun } = read
  const window = { from: toIso(read.from), to: toIso(read.to) }
  const after = { ...window, order, concurrency, rerun, missed, created, reruns }
  return { kind: 'slots.backfilled', actor, subject: event.id, after }
}
