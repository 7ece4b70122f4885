import { MAX_TEXT, object, refuseOthers, text, type Report } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'

const DEFAULT_ACTOR = 'system'
/** Longest reason, in characters. */
const MAX_REASON = 1_000

/** Who changes something, and why: for the journal. */
export interface Author {
  reason: string | null
  by: string
}

/** Reads `reason` and `by` of the options of a change; both may be left out. */
export function author(given: Record<string, unknown>, report: Report): Author {
  const optional = (field: string, max: number) =>
    given[field] === undefined || given[field] === null
      ? undefined
      : text(field, given[field], max, report)
  return {
    reason: optional('reason', MAX_REASON) ?? null,
    by: optional('by', MAX_TEXT) ?? DEFAULT_ACTOR,
  }
}

/**
 * Reads options that say who and why, and nothing else.
 *
 * @param subject what is told of, for the error
 * @throws E_INVALID_INPUT with every problem at once
 */
export function readAuthor(subject: string, options: unknown): Author {
  const problems = new Problems()
  const { report } = problems
  const remedy = `give an object such as { by: 'anna', reason: 'the disk is back' }, or leave it out`
  const given = object('options', options, remedy, report)
  refuseOthers('', given, ['by', 'reason'], report)
  const read = author(given, report)
  problems.throwAny(subject)
  return read
}
