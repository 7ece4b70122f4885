import { E_INVALID_INPUT } from '../errors.ts'
import type { PlannedEvent } from '../loop/plan_slots.ts'
import { planChange, type ChangePlan, type PlanDeps } from './event_plan.ts'
import type { EventDefinition } from './event_fields.ts'
import type { EventPatch } from '../storage/contract.ts'
import type { StatusAuthor } from '../types/events.ts'

/**
 * What follows from a change that plain SQL made to an event: its next slot
 * is computed anew, from now, and the instants of its state are set. The
 * definition before it is not known; slots that are due are decided by the
 * one that is there now.
 */
export function planForeign(
  event: PlannedEvent,
  definition: EventDefinition,
  now: number,
  deps: PlanDeps
): ChangePlan {
  const { status } = event
  if (status === 'completed' || status === 'cancelled') {
    const ended = { completedAt: event.completedAt, cancelledAt: event.cancelledAt }
    const instant = status === 'completed' ? 'completedAt' : 'cancelledAt'
    const patch: EventPatch = { ...definition, ...ended, [instant]: ended[instant] ?? now }
    return {
      patch: { ...patch, status, nextRunAt: null, pausedAt: null, problem: null },
      executions: [],
      missed: [],
      exact: true,
    }
  }
  if (status !== 'active' && status !== 'paused') {
    const message = 'write active, paused, completed or cancelled'
    throw new E_INVALID_INPUT(`Event "${event.name}"`, [
      { field: 'status', value: String(status), message },
    ])
  }
  const wasPaused = event.pausedAt !== null
  const turned = wasPaused !== (status === 'paused')
  const statusBy: StatusAuthor = turned ? 'user' : event.statusBy
  // What was wrong with the row before is corrected: it was judged anew
  const sound = { ...event, problem: null }
  const before = { ...sound, status: wasPaused ? ('paused' as const) : ('active' as const) }
  const plan = planChange({ event: before, definition, status, statusBy, now, unsure: true }, deps)
  const resumed = turned && status === 'active' ? { resumedAt: now } : {}
  return { ...plan, patch: { ...plan.patch, ...resumed, cancelledAt: null, problem: null } }
}
