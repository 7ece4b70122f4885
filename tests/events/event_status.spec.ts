import { test } from '@japa/runner'
import { transition, type EventAction } from '../../src/events/event_status.ts'
import type { EventStatus } from '../../src/types/events.ts'

const STATES: EventStatus[] = ['active', 'paused', 'completed', 'cancelled']

/** What each action leads to from active, paused, completed, cancelled; null is impossible. */
const TABLE: Record<EventAction, (EventStatus | null)[]> = {
  pause: ['paused', 'paused', null, null],
  resume: ['active', 'active', null, null],
  cancel: ['cancelled', 'cancelled', null, 'cancelled'],
  complete: ['completed', 'completed', 'completed', null],
  update: ['active', 'paused', 'active', null],
  skip: ['active', null, null, null],
  trigger: ['active', 'paused', 'completed', null],
}

test.group('Event status', () => {
  for (const [action, row] of Object.entries(TABLE)) {
    for (const [index, to] of row.entries()) {
      const from = STATES[index]
      test(`${action} from ${from}: ${to ?? 'refused'}`, ({ assert }) => {
        const run = () => transition({ id: 'e1', status: from }, action as EventAction)
        if (to) {
          assert.equal(run(), to)
        } else {
          assert.throws(run, new RegExp(`Event "e1" is ${from} and cannot be ${action}`))
        }
      })
    }
  }
})
