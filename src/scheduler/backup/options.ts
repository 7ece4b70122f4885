import { instant, object, oneOf, refuseOthers } from '../../input/fields.ts'
import { Problems } from '../../input/problems.ts'
import { validateActor } from '../../events/event_validator.ts'
import type { Instant } from '../../types/json.ts'

export type OnConflict = 'fail' | 'skip' | 'replace'

export interface ImportOptions {
  /**
   * What becomes of an event that is there already and differs: `fail` imports
   * nothing at all (default), `skip` leaves it, `replace` puts the imported one in its place.
   */
  onConflict?: OnConflict
  /** Tells what would be done, and does nothing. */
  dryRun?: boolean
  /** Runs the slots from this instant on of what was imported; default: none of the past. */
  backfillFrom?: Instant
  /** Who, for the journal. */
  by?: string
}

export interface ReadImport {
  onConflict: OnConflict
  dryRun: boolean
  backfillFrom: number | null
  by: string
}

const NAMES = ['onConflict', 'dryRun', 'backfillFrom', 'by'] as const

/** @throws E_INVALID_INPUT with every problem at once */
export function readImport(options: unknown): ReadImport {
  const problems = new Problems()
  const { report } = problems
  const given = object('options', options, 'give an object, or leave it out', report)
  refuseOthers('', given, NAMES, report)
  const { onConflict = 'fail', dryRun = false, backfillFrom = null, by } = given
  if (typeof dryRun !== 'boolean') {
    report('dryRun', dryRun, 'write true or false')
  }
  const read = {
    onConflict: oneOf('onConflict', onConflict, ['fail', 'skip', 'replace'], report)!,
    dryRun: dryRun as boolean,
    backfillFrom: backfillFrom === null ? null : instant('backfillFrom', backfillFrom, report)!,
  }
  problems.throwAny('The import')
  return { ...read, by: by === undefined ? 'system' : validateActor(by as string) }
}
