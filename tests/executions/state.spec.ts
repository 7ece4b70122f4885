import { test } from '@japa/runner'
import { canTransition, isOpen, isOutcome } from '../../src/executions/state.ts'
import { EXECUTION_STATES, type ExecutionState } from '../../src/types/executions.ts'

/** Every transition that is allowed, as `from>to`; all others are refused. */
const ALLOWED = [
  'queued>running',
  'queued>cancelled',
  'queued>missed',
  'queued>skipped',
  'running>queued',
  'running>succeeded',
  'running>failed',
  'running>cancelled',
  'running>timed_out',
  'running>abandoned',
  'running>missed',
  'missed>queued',
]

test.group('Execution states', () => {
  test('allow the listed transitions and no other', ({ assert }) => {
    const found: string[] = []
    for (const from of EXECUTION_STATES) {
      for (const to of EXECUTION_STATES) {
        if (canTransition(from, to)) {
          found.push(`${from}>${to}`)
        }
      }
    }
    assert.sameMembers(found, ALLOWED)
  })

  test('tell the open ones from the outcomes', ({ assert }) => {
    const open: ExecutionState[] = ['queued', 'running']
    for (const state of EXECUTION_STATES) {
      assert.equal(isOpen(state), open.includes(state), state)
      assert.equal(isOutcome(state), !open.includes(state), state)
    }
  })
})
