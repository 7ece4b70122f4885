import { toMilliseconds, type Duration } from '../duration.ts'
import { text } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { Cancelled, Failed, ReleaseSignal, Succeeded } from './outcome.ts'
import type { JsonValue } from '../types/json.ts'

/** Longest reason, in characters: as long as the message of an error. */
const MAX_REASON = 4_000

/**
 * How a handler says itself how its execution ends, whatever its signal and
 * its retry policy say. Each may be returned or thrown; anything else that is
 * returned is the result, anything else that is thrown is a failed attempt.
 *
 * ```ts
 * if (await source.isLocked()) return outcome.snooze('5m', 'the source is locked')
 * if (!order) throw outcome.fail('there is no such order')
 * ```
 */
export const outcome = {
  /** Succeeded, also when the signal has aborted meanwhile. */
  succeed(result: JsonValue = null): Succeeded {
    return new Succeeded(result)
  },

  /**
   * Failed for good: no further attempt.
   *
   * @throws E_INVALID_INPUT on a reason that is no text
   */
  fail(reason: string, options: { cause?: unknown; result?: JsonValue } = {}): Failed {
    return new Failed(readReason('fail', reason), options)
  },

  /**
   * Ends as cancelled.
   *
   * @throws E_INVALID_INPUT on a reason that is no text
   */
  cancel(reason: string, options: { result?: JsonValue } = {}): Cancelled {
    return new Cancelled(readReason('cancel', reason), options)
  },

  /**
   * Back to the queue for `delay` (ms or a text such as `'5m'`). It counts
   * neither as a failure nor as a try, and keeps the last checkpoint.
   *
   * @throws E_INVALID_DURATION, E_INVALID_INPUT
   */
  snooze(delay: Duration, reason = 'snoozed by the handler'): ReleaseSignal {
    const ms = toMilliseconds(delay, 'outcome.snooze: delay')
    return new ReleaseSignal(ms, readReason('snooze', reason))
  },
} as const

function readReason(word: keyof typeof outcome, reason: unknown): string {
  const problems = new Problems()
  const read = text('reason', reason, MAX_REASON, problems.report)
  problems.throwAny(`outcome.${word}`)
  return read!
}
