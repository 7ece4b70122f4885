import { object, refuseOthers } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { executionNotice } from '../executions/notices.ts'
import { newId } from '../ids.ts'
import { executionOf, type ExecutionDefaults } from '../loop/slot_execution.ts'
import type { Profiles } from '../loop/slot_payload.ts'
import { transition } from './event_status.ts'
import { E_EXECUTION_NOT_FOUND } from '../errors.ts'
import type { ChildPlanner } from './child_planner.ts'
import type { Clock } from '../clock.ts'
import type { Storage } from '../storage/contract.ts'
import type { Actor, EventRecord } from '../types/events.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { JsonObject, JsonValue } from '../types/json.ts'
import type { Notifier } from '../types/notifications.ts'

interface Deps {
  storage: Storage
  notifier: Notifier
  clock: Clock
  defaults: (handler: string) => ExecutionDefaults
  profiles: Profiles
  children: Pick<ChildPlanner, 'attach'>
}

/** What one run has in place of the event's own. */
export interface RunOptions {
  payload?: JsonValue
  meta?: JsonObject
  subject?: string
}

/**
 * Refuses what is not an option of a run; the values are read with the event's fields.
 *
 * @throws E_INVALID_INPUT
 */
export function checkRunOptions(title: string, options: unknown): void {
  const problems = new Problems()
  const { report } = problems
  const given = object('options', options, 'give an object, or leave it out', report)
  refuseOthers('', given, ['payload', 'meta', 'subject', 'by'], report)
  problems.throwAny(title)
}

/**
 * Queues one run of an event, with what this run has of its own, beside its slots.
 *
 * @throws E_EVENT_TRANSITION when the event is cancelled
 * @throws E_INVALID_INPUT when plain SQL has made it invalid
 */
export async function runNow(
  event: EventRecord,
  actor: Actor,
  deps: Deps
): Promise<ExecutionRecord> {
  const { storage, clock, defaults, notifier, profiles, children } = deps
  transition(event, 'trigger')
  const id = newId()
  const execution = executionOf(event, { id, defaults: defaults(event.handler), profiles })
  const after = { executionId: id, payload: execution.payload }
  await storage.executions.enqueue({
    now: clock.nowOrNull(),
    executions: await children.attach([execution]),
    journal: { kind: 'event.triggered', actor, subject: event.id, after },
  })
  const queued = await storage.executions.find(id)
  if (!queued) {
    throw new E_EXECUTION_NOT_FOUND([id])
  }
  notifier.emit('execution:queued', executionNotice(queued, queued.createdAt))
  return queued
}
