import { instant, integer, MAX_COUNT, object, oneOf, refuseOthers } from '../../input/fields.ts'
import { Problems } from '../../input/problems.ts'
import { toIso } from '../../triggers/instant.ts'
import type { Report } from '../../input/fields.ts'
import type { Instant } from '../../types/json.ts'

/** What becomes of slots that have run already: left alone, only the failed ones, or all again. */
export type Rerun = boolean | 'failed'

export interface BackfillOptions {
  /** First instant of the window, inclusive. It may lie before the event was created. */
  from: Instant
  /** Last instant, inclusive. Default: now; what lies later is the loop's. */
  to?: Instant
  /** Which slots run first. Default `oldest`. */
  order?: 'oldest' | 'newest'
  /**
   * How many of the event's backfilled runs go at once, over all nodes. Default 1.
   * More than one only where the event's own runs may overlap.
   */
  concurrency?: number
  /** Default false: slots that have run are left alone, whatever came of it. */
  rerun?: Rerun
  /** 1 first .. 10 last. Default 10: what is due now goes first. */
  priority?: number
  /** Tells what would be done, and does nothing. */
  dryRun?: boolean
  /** Who, for the journal. */
  by?: string
}

export interface ReadBackfill {
  from: number
  to: number
  order: 'oldest' | 'newest'
  concurrency: number
  rerun: Rerun
  priority: number
  dryRun: boolean
  by: string | undefined
}

const NAMES = ['from', 'to', 'order', 'concurrency', 'rerun', 'priority', 'dryRun', 'by'] as const
const LAST = 10

/**
 * Reads the options; null stands for left out.
 *
 * @param now the database's clock, epoch ms
 * @param sharesKey whether all runs of the event share one key
 * @throws E_INVALID_INPUT with every problem at once
 */
export function readBackfill(
  subject: string,
  options: unknown,
  { now, sharesKey }: { now: number; sharesKey: boolean }
): ReadBackfill {
  const problems = new Problems()
  const { report } = problems
  const given = object('options', options, 'give an object with from', report)
  refuseOthers('', given, NAMES, report)
  const window = readWindow(given, now, report)
  const read = {
    ...window,
    order: oneOf('order', given.order ?? 'oldest', ['oldest', 'newest'], report)!,
    concurrency: integer('concurrency', given.concurrency ?? 1, COUNTS, report)!,
    rerun: readRerun(given.rerun ?? false, report),
    priority: integer('priority', given.priority ?? LAST, { min: 1, max: LAST }, report)!,
    dryRun: readFlag('dryRun', given.dryRun ?? false, report),
    by: given.by as string | undefined,
  }
  if (sharesKey && read.concurrency > 1) {
    const message = 'the runs of this event share one key: give 1, or set its overlap to "allow"'
    report('concurrency', given.concurrency, message)
  }
  problems.throwAny(subject)
  return read
}

const COUNTS = { min: 1, max: MAX_COUNT }

function readWindow(given: Record<string, unknown>, now: number, report: Report) {
  const from = instant('from', given.from, report) ?? now
  const to = instant('to', given.to ?? now, report) ?? now
  if (to < from) {
    report('to', given.to, `it lies before from (${toIso(from)}); give a later instant`)
  }
  return { from, to: Math.min(to, now) }
}

function readRerun(value: unknown, report: Report): Rerun {
  if (typeof value !== 'boolean' && value !== 'failed') {
    report('rerun', value, 'write false, true or "failed"')
  }
  return value as Rerun
}

function readFlag(field: string, value: unknown, report: Report): boolean {
  if (typeof value !== 'boolean') {
    report(field, value, 'write true or false')
  }
  return value as boolean
}
