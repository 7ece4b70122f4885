import { toMilliseconds, type Duration } from '../duration.ts'
import { text } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { Cancelled, Failed, ReleaseSignal, Succeeded } from './outcome.ts'
import type { JsonValue } from '../types/json.ts'

/** Longest reason, in characters: as long as the message of an error. */
const MAX_REASON = 4_000
/** Longest reference to a result, in characters: a path or an address. */
const MAX_REF = 2_000

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
  /**
   * Succeeded, also when the signal has aborted meanwhile.
   *
   * @param options.ref where the whole result lies (a path, a key, an address),
   *   when it is too large for the store; kept as `resultRef` of the execution
   * @throws E_INVALID_INPUT on a ref that is no text
   */
  succeed(result: JsonValue = null, options?: { ref?: string | null } | null): Succeeded {
    const ref = options?.ref ?? null
    return new Succeeded(result, ref === null ? null : readText('succeed', 'ref', ref, MAX_REF))
  },

  /**
   * Failed for good: no further attempt.
   *
   * @throws E_INVALID_INPUT on a reason that is no text
   */
  fail(reason: string, options: { cause?: unknown; result?: JsonValue } = {}): Failed {
    return new Failed(readText('fail', 'reason', reason), options)
  },

  /**
   * Ends as cancelled.
   *
   * @throws E_INVALID_INPUT on a reason that is no text
   */
  cancel(reason: string, options: { result?: JsonValue } = {}): Cancelled {
    return new Cancelled(readText('cancel', 'reason', reason), options)
  },

  /**
   * Back to the queue for `delay` (ms or a text such as `'5m'`). It counts
   * neither as a failure nor as a try, and keeps the last checkpoint.
   *
   * @throws E_INVALID_DURATION, E_INVALID_INPUT
   */
  snooze(delay: Duration, reason = 'snoozed by the handler'): ReleaseSignal {
    const ms = toMilliseconds(delay, 'outcome.snooze: delay')
    return new ReleaseSignal(ms, readText('snooze', 'reason', reason))
  },
} as const

function readText(
  word: keyof typeof outcome,
  field: string,
  value: unknown,
  longest = MAX_REASON
): string {
  const problems = new Problems()
  const read = text(field, value, longest, problems.report)
  problems.throwAny(`outcome.${word}`)
  return read!
}
