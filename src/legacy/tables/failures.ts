import { E_STORAGE_UNAVAILABLE } from '../../errors.ts'
import { failsAs, type DatabaseFailure } from '../../errors/database_codes.ts'

const DEEPEST_CAUSE = 5

/** Whether a statement may simply be repeated: another session was in the way. */
export function isBusy(error: unknown): boolean {
  return withCauses(error).some((each) => failsAs(each, ['busy']))
}

/**
 * Whether the legacy database is away or busy: the work is handed back and
 * tried again later, and the row itself is not to blame.
 */
export function isTransient(error: unknown): boolean {
  const kinds: DatabaseFailure[] = ['busy', 'lost', 'away']
  return withCauses(error).some((each) => isUnavailable(each) || failsAs(each, kinds))
}

/** Whether an insert met a row with its key. */
export function isDuplicate(error: unknown): boolean {
  return withCauses(error).some((each) => failsAs(each, ['duplicate']))
}

/** The store's own error, also where it was made anew from a record. */
function isUnavailable(error: Error): boolean {
  return (error as { code?: unknown }).code === E_STORAGE_UNAVAILABLE.code
}

/** The error and what it says that it comes from. */
function withCauses(error: unknown): Error[] {
  const found: Error[] = []
  for (let each = error; found.length < DEEPEST_CAUSE && each instanceof Error; each = each.cause) {
    found.push(each)
  }
  return found
}
