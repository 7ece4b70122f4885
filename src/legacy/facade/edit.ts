import { sleep } from '../../clock.ts'
import { E_LEGACY_CONFLICT } from '../../errors.ts'
import { isBusy, type LegacySession } from '../connection.ts'
import type { FacadeDeps } from './deps.ts'

/** Tries of one change that meets another, and the first wait (ms, doubled each time). */
const TRIES = 6
const WAIT = 5

/** A guarded write found that another was there first: the whole change is read and planned again. */
export class Moved extends Error {}

/**
 * One flat transaction on the legacy tables that is repeated as a whole while
 * others are in the way.
 *
 * @throws E_LEGACY_CONFLICT when it always found the row changed
 */
export async function edit<T>(
  { connection, clock }: Pick<FacadeDeps, 'connection' | 'clock'>,
  subject: string,
  work: (session: LegacySession) => Promise<T>
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await connection.transaction(work)
    } catch (error) {
      if (!(error instanceof Moved) && !isBusy(error)) {
        throw error
      }
      if (tried >= TRIES) {
        const reason = `another program kept changing it, through ${TRIES} tries`
        throw error instanceof Moved ? new E_LEGACY_CONFLICT([subject, reason]) : error
      }
      await sleep(clock, WAIT * 2 ** (tried - 1))
    }
  }
}

/** @throws Moved when a guarded write changed nothing */
export function assertWritten(written: boolean): void {
  if (!written) {
    throw new Moved('the row is not current any more')
  }
}
