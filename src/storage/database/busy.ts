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
 * Repeats `work` while another writer holds the lock, for some ten seconds,
 * pausing without blocking the process; `work` must begin anew each time.
 */
export async function repeatWhileBusy<T>(
  { clock, dialect, operation, logger }: RetryOptions,
  work: () => Promise<T>
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === ATTEMPTS || !dialect.isBusy(error)) {
        throw error
      }
      logger?.debug({ operation, attempt }, 'another writer holds the database, trying again')
      await sleep(clock, pauseAfter(attempt))
    }
  }
}

/**
 * The same for the store.
 *
 * @throws E_STORAGE_UNAVAILABLE when the lock stays taken, or the database is away
 */
export async function retryWhileBusy<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await repeatWhileBusy(options, work)
  } catch (error) {
    const { dialect, operation } = options
    if (dialect.isBusy(error) || dialect.isUnavailable(error)) {
      throw new E_STORAGE_UNAVAILABLE([operation, (error as Error).message], { cause: error })
    }
    throw error
  }
}

/** Doubles up to a bound; the random part keeps two writers from meeting again. */
function pauseAfter(attempt: number): number {
  const pause = Math.min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
  return pause * (0.5 + Math.random())
}
