import { MAX_TEXT, text, type Report } from '../input/fields.ts'

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
