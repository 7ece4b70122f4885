import { test } from '@japa/runner'
import {
  Cancelled,
  classify,
  Failed,
  Missed,
  ReleaseSignal,
  Succeeded,
  timedOut,
  type RunFacts,
} from '../../src/jobs/outcome.ts'
import { hostile, unreadable } from '../executions/unreadable.ts'
import type { AbortReason } from '../../src/types/handlers.ts'

const facts: RunFacts = {
  handler: 'report',
  aborted: null,
  cancelReason: null,
  failures: 0,
  retry: { retries: 1, backoff: 'fixed', delay: 100, maxDelay: 100, jitter: 0 },
  timeout: 50,
  random: () => 0,
}
const returned = (value: unknown) => ({ kind: 'returned', value }) as const
const thrown = (error: unknown) => ({ kind: 'thrown', error }) as const
const REASONS: (AbortReason | null)[] = [null, 'timeout', 'cancelled', 'lease lost', 'shutdown']

test.group('Outcome', () => {
  test('a return is a success', ({ assert }) => {
    assert.deepEqual(classify(returned({ rows: 3 }), facts), {
      to: 'succeeded',
      result: { rows: 3 },
    })
  })

  test('a throw is retried while attempts are left, then failed', ({ assert }) => {
    const retry = classify(thrown(new Error('no route')), facts)
    assert.equal(retry?.to, 'retry')
    assert.equal(retry?.delay, 100)
    assert.equal(retry?.error?.message, 'no route')

    const failed = classify(thrown(new Error('no route')), { ...facts, failures: 1 })
    assert.equal(failed?.to, 'failed')
    assert.isUndefined(failed?.delay)
  })

  test('a timeout is a failed attempt and ends as timed_out', ({ assert }) => {
    const aborted = { ...facts, aborted: 'timeout' as const }
    const retry = classify(returned('late'), aborted)
    assert.equal(retry?.to, 'retry')
    assert.equal(retry?.error?.code, 'E_EXECUTION_TIMEOUT')
    assert.equal(retry?.error?.message, 'Handler "report" ran longer than its 50 ms')

    const last = classify(thrown('timeout'), { ...aborted, failures: 1 })
    assert.equal(last?.to, 'timed_out')
    assert.isUndefined(last?.error?.cause)
    assert.equal(timedOut(null, { ...aborted, failures: 1 }).to, 'timed_out')
  })

  test('a timeout keeps what the handler threw as its cause', ({ assert }) => {
    const verdict = classify(thrown(new Error('socket closed')), { ...facts, aborted: 'timeout' })
    assert.equal(verdict?.error?.cause?.message, 'socket closed')
  })

  test('a cancel wins over whatever the handler did', ({ assert }) => {
    const aborted = { ...facts, aborted: 'cancelled' as const, cancelReason: 'by ana' }

    assert.deepEqual(classify(returned('half'), aborted), {
      to: 'cancelled',
      reason: 'by ana',
      result: 'half',
    })
    assert.deepEqual(classify(thrown('cancelled'), aborted), { to: 'cancelled', reason: 'by ana' })
    assert.deepEqual(classify(thrown(new DOMException('x', 'AbortError')), aborted), {
      to: 'cancelled',
      reason: 'by ana',
    })
    const spoken = classify(thrown(new Error('cleanup failed')), aborted)
    assert.equal(spoken?.to, 'cancelled')
    assert.equal(spoken?.error?.message, 'cleanup failed')
  })

  test('at shutdown a throw is handed back and a return is a success', ({ assert }) => {
    const aborted = { ...facts, aborted: 'shutdown' as const }
    assert.deepEqual(classify(thrown('shutdown'), aborted), {
      to: 'release',
      reason: 'shutdown',
    })
    assert.equal(classify(returned(undefined), aborted)?.to, 'succeeded')
  })

  test('a throw after the lease was lost settles nothing', ({ assert }) => {
    const aborted = { ...facts, aborted: 'lease lost' as const }
    assert.isNull(classify(thrown('lease lost'), aborted))
    assert.equal(classify(returned(1), aborted)?.to, 'succeeded')
  })

  test('what the handler says explicitly holds, whatever aborted it: {0}')
    .with([
      [
        new Succeeded({ rows: 1 }, 'rows.csv'),
        { to: 'succeeded', result: { rows: 1 }, resultRef: 'rows.csv' },
      ],
      [new Cancelled('stopped'), { to: 'cancelled', reason: 'stopped', result: undefined }],
      [new Missed('ran elsewhere'), { to: 'missed', reason: 'ran elsewhere' }],
      [new ReleaseSignal('5s', 'busy'), { to: 'release', delay: 5_000, reason: 'busy' }],
      [new ReleaseSignal(), { to: 'release', delay: undefined, reason: 'released by the handler' }],
    ] as const)
    .run(({ assert }, [signal, verdict]) => {
      for (const aborted of REASONS) {
        assert.deepEqual(classify(thrown(signal), { ...facts, aborted }), verdict)
        assert.deepEqual(classify(returned(signal), { ...facts, aborted }), verdict)
      }
    })

  test('Failed ends for good though attempts are left, and may carry a result', ({ assert }) => {
    const cause = new Error('ORA-00942')
    const verdict = classify(thrown(new Failed('no table', { cause, result: { done: 2 } })), facts)

    assert.equal(verdict?.to, 'failed')
    assert.equal(verdict?.error?.message, 'no table')
    assert.equal(verdict?.error?.cause?.message, 'ORA-00942')
    assert.deepEqual(verdict?.result, { done: 2 })
  })

  test('what cannot be read is a failed attempt like any other, never a throw', ({ assert }) => {
    const message = '(what was thrown could not be read)'
    assert.deepEqual(classify(thrown(hostile()), { ...facts, failures: 1 }), {
      to: 'failed',
      error: { name: 'Error', message },
    })
    for (const aborted of REASONS) {
      assert.doesNotThrow(() => classify(thrown(hostile()), { ...facts, aborted }))
      assert.doesNotThrow(() => classify(returned(hostile()), { ...facts, aborted }))
      assert.doesNotThrow(() => classify(thrown(unreadable('name')), { ...facts, aborted }))
    }
    const explicit = Object.defineProperty(new Failed('no table'), 'result', {
      get() {
        throw new Error('the getter throws')
      },
    })
    assert.equal(classify(thrown(explicit), { ...facts, failures: 1 })?.error?.message, 'no table')
  })
})
