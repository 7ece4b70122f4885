import { test } from '@japa/runner'
import { canTransition } from '../../src/executions/state.ts'
import type { ExecutionState } from '../../src/types/executions.ts'
import type { ExecutionRecord } from '../../src/types/executions.ts'
import type { Settlement } from '../../src/storage/contract.ts'
import { rescueOf, rescuePatch, settlementPatch } from '../../src/storage/rules/settlement.ts'
import { claimPatch, newExecution } from '../../src/storage/rules/new_records.ts'
import { SuiteContext } from '../../src/testing/storage_suite/context.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'

const context = new SuiteContext({
  storage: new MemoryStorage({ clock: new ManualClock() }),
  cleanup: async () => {},
})
const claimant = { node: 'n.1', lease: 1000 }
const queued = newExecution(context.execution(), 0)
const running: ExecutionRecord = { ...queued, ...claimPatch(queued, claimant, 0) }
const ENDS: Exclude<Settlement['to'], 'discard'>[] = [
  'succeeded',
  'failed',
  'cancelled',
  'timed_out',
  'abandoned',
  'missed',
  'retry',
  'release',
]

test.group('storage / transitions', () => {
  test('a claim is one of the allowed transitions', ({ assert }) => {
    assert.isTrue(canTransition(queued.state, running.state))
  })

  test('and so is every settlement', ({ assert }) => {
    for (const to of ENDS) {
      const { state } = settlementPatch(running, context.settlement(running, { to }), to, 0)
      assert.isTrue(canTransition('running', state as ExecutionState), to)
    }
  })

  test('and every rescue', ({ assert }) => {
    const asked = { ...running, cancelRequestedAt: 1 }
    const spent = { ...running, rescues: 5 }
    const expired = { ...running, node: 'n.1', leaseExpiresAt: 0 }
    const states = [running, asked, spent].map((attempt) => {
      const rescue = rescueOf(attempt, 5)
      return rescuePatch(attempt, expired, rescue, 0).state
    })
    assert.deepEqual(states, ['queued', 'cancelled', 'abandoned'])
    for (const state of states) {
      assert.isTrue(canTransition('running', state as ExecutionState))
    }
  })
})
