import { toMilliseconds, type Duration } from '../duration.ts'
import { cut, MAX_MESSAGE } from '../executions/error_record.ts'
import { object, refuseOthers, text } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { Cancelled, Failed, ReleaseSignal, Succeeded } from './outcome.ts'
import type { JsonValue } from '../types/json.ts'

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
   * @throws E_INVALID_INPUT on a ref that is no text, or an unknown option
   */
  succeed(result: JsonValue = null, options?: { ref?: string | null } | null): Succeeded {
    const ref = readOptions('succeed', options ?? {}, ['ref']).ref ?? null
    return new Succeeded(result, ref === null ? null : readText('succeed', 'ref', ref, MAX_REF))
  },

  /**
   * Failed for good: no further attempt.
   *
   * @throws E_INVALID_INPUT on a reason that is no text, or an unknown option
   */
  fail(reason: string, options: { cause?: unknown; result?: JsonValue } = {}): Failed {
    const read = readOptions('fail', options, ['cause', 'result'])
    return new Failed(readReason('fail', reason), read)
  },

  /**
   * Ends as cancelled.
   *
   * @throws E_INVALID_INPUT on a reason that is no text, or an unknown option
   */
  cancel(reason: string, options: { result?: JsonValue } = {}): Cancelled {
    const read = readOptions('cancel', options, ['result'])
    return new Cancelled(readReason('cancel', reason), read)
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

/** A typing error must not lose a result, its reference or a cause. */
function readOptions<T extends object>(
  word: keyof typeof outcome,
  options: T,
  known: readonly (keyof T & string)[]
): T {
  const problems = new Problems()
  const remedy = `give an object of ${known.join(', ')}`
  refuseOthers('', object('options', options, remedy, problems.report), known, problems.report)
  problems.throwAny(`outcome.${word}`)
  return options
}

/**
 * A reason is often the message of an error, of whatever length: it is cut as
 * that is. Refused, what was to end for good would be tried again.
 */
function readReason(word: keyof typeof outcome, value: unknown): string {
  const given = typeof value === 'string' ? cut(value, MAX_MESSAGE) : value
  return readText(word, 'reason', given, MAX_MESSAGE)
}

function readText(
  word: keyof typeof outcome,
  field: string,
  value: unknown,
  longest: number
): string {
  const problems = new Problems()
  const read = text(field, value, longest, problems.report)
  problems.throwAny(`outcome.${word}`)
  return read!
}
