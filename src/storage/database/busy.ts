import { sleep, type Clock } from '../../clock.ts'
import { E_STORAGE_UNAVAILABLE } from '../../errors.ts'
import type { Logger } from '../../types/logger.ts'
import type { Dialect } from './dialect.ts'

const FIRST_PAUSE = 2
const LONGEST_PAUSE = 100
const ATTEMPTS = 100

export interface RetryOptions {
  clock: Clock
  dialect: Dialect
  /** Named in the error and in the log. */
  operation: string
  logger?: Logger
}

/**
 * Repeats `work` while another writer holds the lock, pausing without
 * blocking the process; `work` must begin anew each time.
 *
 * @throws E_STORAGE_UNAVAILABLE when the lock stays taken for some ten seconds, or the database is away
 */
export async function retryWhileBusy<T>(
  { clock, dialect, operation, logger }: RetryOptions,
  work: () => Promise<T>
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const busy = dialect.isBusy(error)
      if (busy && attempt < ATTEMPTS) {
        logger?.debug({ operation, attempt }, 'another writer holds the database, trying again')
        await sleep(clock, pauseAfter(attempt))
      } else if (busy || dialect.isUnavailable(error)) {
        throw new E_STORAGE_UNAVAILABLE([operation, (error as Error).message], { cause: error })
      } else {
        throw error
      }
    }
  }
}

/** Doubles up to a bound; the random part keeps two writers from meeting again. */
function pauseAfter(attempt: number): number {
  const pause = Math.min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
  return pause * (0.5 + Math.random())
}
