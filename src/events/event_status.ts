import { E_EVENT_TRANSITION } from '../errors.ts'
import type { EventRecord, EventStatus } from '../types/events.ts'

export type EventAction = 'pause' | 'resume' | 'cancel' | 'complete' | 'update' | 'skip' | 'trigger'

/**
 * The one table of event states: what an action makes of each state. A pair
 * that is not listed is impossible; one that leads back to its own state
 * leaves the state as it is.
 */
const TRANSITIONS: Record<EventAction, Partial<Record<EventStatus, EventStatus>>> = {
  pause: { active: 'paused', paused: 'paused' },
  resume: { active: 'active', paused: 'active' },
  cancel: { active: 'cancelled', paused: 'cancelled', cancelled: 'cancelled' },
  complete: { active: 'completed', paused: 'completed', completed: 'completed' },
  // A changed definition may have slots again
  update: { active: 'active', paused: 'paused', completed: 'active' },
  skip: { active: 'active' },
  trigger: { active: 'active', paused: 'paused', completed: 'completed' },
}

const PARTICIPLES: Record<EventAction, string> = {
  pause: 'paused',
  resume: 'resumed',
  cancel: 'cancelled',
  complete: 'completed',
  update: 'updated',
  skip: 'skipped',
  trigger: 'triggered',
}

/**
 * Returns the state that an action leads to.
 *
 * @throws E_EVENT_TRANSITION when the event's state does not allow it
 */
export function transition(
  event: Pick<EventRecord, 'id' | 'status'>,
  action: EventAction
): EventStatus {
  const to = TRANSITIONS[action][event.status]
  if (!to) {
    throw new E_EVENT_TRANSITION([event.id, event.status, PARTICIPLES[action]])
  }
  return to
}
