import { test } from '@japa/runner'
import { nextDelay } from '../../src/jobs/retry_policy.ts'
import type { ResolvedRetryPolicy } from '../../src/types/handlers.ts'

const policy: ResolvedRetryPolicy = {
  retries: 5,
  backoff: 'exponential',
  delay: 100,
  maxDelay: 1_000,
  jitter: 0,
}
const delays = (change: Partial<ResolvedRetryPolicy>, random = 0.5) =>
  [1, 2, 3, 4, 5, 6].map((failures) => nextDelay({ ...policy, ...change }, failures, () => random))

test.group('Retry policy', () => {
  test('exponential doubles up to the longest delay and ends after the retries', ({ assert }) => {
    assert.deepEqual(delays({}), [100, 200, 400, 800, 1_000, null])
  })

  test('linear grows by the first delay', ({ assert }) => {
    assert.deepEqual(delays({ backoff: 'linear', maxDelay: 450 }), [100, 200, 300, 400, 450, null])
  })

  test('fixed stays', ({ assert }) => {
    assert.deepEqual(delays({ backoff: 'fixed', retries: 2 }), [100, 100, null, null, null, null])
  })

  test('no retries: the first failure is the last', ({ assert }) => {
    assert.isNull(nextDelay({ ...policy, retries: 0 }, 1, Math.random))
  })

  test('jitter draws its share of the delay at random', ({ assert }) => {
    assert.equal(
      nextDelay({ ...policy, jitter: 0.2 }, 1, () => 0),
      80
    )
    assert.equal(
      nextDelay({ ...policy, jitter: 0.2 }, 1, () => 0.5),
      90
    )
    assert.equal(
      nextDelay({ ...policy, jitter: 1 }, 1, () => 0),
      0
    )
  })

  test('a failure count beyond the powers of two still gives the longest delay', ({ assert }) => {
    assert.equal(
      nextDelay({ ...policy, retries: 10_000 }, 9_999, () => 0),
      1_000
    )
  })
})
