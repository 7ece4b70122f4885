import { ChildPlanner } from '../../events/child_planner.ts'
import { EventChanges } from '../../events/event_changes.ts'
import { createdEntry, eventNotice } from '../../events/event_journal.ts'
import {
  hasSlots,
  planChange,
  sameTrigger,
  type ChangePlan,
  type PlanDeps,
} from '../../events/event_plan.ts'
import { newId } from '../../ids.ts'
import type { Clock } from '../../clock.ts'
import type { PlannedEvent } from '../../loop/plan_slots.ts'
import type { EventPatch, Storage } from '../../storage/contract.ts'
import type { Actor, EventRecord } from '../../types/events.ts'
import type { Logger } from '../../types/logger.ts'
import type { Notifier } from '../../types/notifications.ts'
import type { ExportedEvent } from './format.ts'

interface Deps {
  storage: Storage
  clock: Clock
  logger: Logger
  notifier: Notifier
  plan: PlanDeps
}

type State = Pick<
  EventRecord,
  | 'status'
  | 'statusBy'
  | 'nextRunAt'
  | 'pausedAt'
  | 'completedAt'
  | 'cancelledAt'
  | 'runCount'
  | 'skippedSlot'
>

/**
 * Writes imported events. Their next slots are computed from now: what lies
 * before is not run, a `once` of the past neither.
 */
export class ImportWriter {
  readonly #deps: Deps
  readonly #changes: EventChanges

  constructor(deps: Deps) {
    this.#deps = deps
    const children = new ChildPlanner({ ...deps, ...deps.plan })
    this.#changes = new EventChanges({ ...deps, children })
  }

  /** @throws E_EVENT_EXISTS */
  async add(imported: ExportedEvent, by: Actor): Promise<EventRecord> {
    const { storage, clock, notifier } = this.#deps
    const now = await this.#changes.now()
    const { runCount, skippedSlot, ...rest } = this.state(imported, null, now)
    const { completedAt, cancelledAt, ...state } = rest
    const { runCount: given, skippedSlot: passed, ...columns } = imported
    const event = { ...columns, ...state, id: imported.id || newId() }
    const params = { now: clock.nowOrNull(), event, journal: createdEntry(by, event) }
    let record = await storage.events.insert(params)
    if (runCount > 0 || skippedSlot !== null) {
      const patch = { runCount, skippedSlot }
      const change = { id: event.id, expectedVersion: record.version, patch }
      record = await storage.events.update({ now: clock.nowOrNull(), ...change })
    }
    notifier.emit('event:created', eventNotice(record, by, now))
    return record
  }

  /**
   * Puts the imported definition in the place of an event that is there. Slots
   * of it that are due already go through the policy that they were due under.
   *
   * @throws E_EVENT_NOT_FOUND, E_EVENT_CONFLICT, E_EVENT_EXISTS
   */
  async replace(id: string, imported: ExportedEvent, by: Actor): Promise<EventRecord> {
    const { event } = await this.#changes.apply(id, {
      kind: 'event.updated',
      by,
      plan: (found, now) => this.#plan(found, imported, now),
    })
    return event
  }

  #plan(event: PlannedEvent, imported: ExportedEvent, now: number): ChangePlan {
    const { id, source, sourceKey, status, pausedAt, runCount, skippedSlot, ...columns } = imported
    const { sourceHash, statusBy, ...definition } = columns
    const held = status === 'cancelled' || status === 'paused' ? status : 'active'
    const plan = planChange({ event, definition, status: held, statusBy, now }, this.#deps.plan)
    const patch: EventPatch = { ...plan.patch, sourceHash, ...this.state(imported, event, now) }
    return { ...plan, patch }
  }

  /** What outlives the move of an event, with its next slot from now on. */
  state(imported: ExportedEvent, before: EventRecord | null, now: number): State {
    const { trigger, maxRuns, statusBy } = imported
    // Runs are counted of one store; only what bounds them goes along
    const runCount = maxRuns === null ? (before?.runCount ?? 0) : imported.runCount
    const open = imported.status === 'active' || imported.status === 'paused'
    const isSpent = maxRuns !== null && runCount >= maxRuns
    const skippedSlot = newestSkip(imported, before)
    const { next } = this.#deps.plan.triggers.compile(trigger)
    const nextRunAt = open && !isSpent ? next(Math.max(now, skippedSlot ?? now)) : null
    const ended = imported.status === 'active' && nextRunAt === null && hasSlots(imported)
    const status = ended ? 'completed' : imported.status
    return {
      ...{ status, statusBy, nextRunAt, runCount, skippedSlot },
      pausedAt: status === 'paused' ? (imported.pausedAt ?? now) : null,
      completedAt: status === 'completed' ? (before?.completedAt ?? now) : null,
      cancelledAt: status === 'cancelled' ? (before?.cancelledAt ?? now) : null,
    }
  }
}

/** A slot that was skipped by hand, here or there, stays so. */
function newestSkip(imported: ExportedEvent, before: EventRecord | null): number | null {
  const same = before !== null && sameTrigger(before.trigger, imported.trigger)
  const skipped = [imported.skippedSlot, same ? before.skippedSlot : null]
  const found = skipped.filter((slot) => slot !== null)
  return found.length > 0 ? Math.max(...found) : null
}
