import { sleep, type Clock } from '../../clock.ts'
import { E_STORAGE_UNAVAILABLE } from '../../errors.ts'
import type { Logger } from '../../types/logger.ts'
import type { Dialect } from './dialect.ts'
import { mayBeCommitted } from './server_engine.ts'

const FIRST_PAUSE = 2
const LONGEST_PAUSE = 100
const ATTEMPTS = 100
/** A database that is away is not waited for: the caller knows better what to do meanwhile. */
const ATTEMPTS_OF_LOST = 3

export interface RetryOptions {
  clock: Clock
  dialect: Dialect
  /** Named in the error and in the log. */
  operation: string
  logger?: Logger
  /** Try again after a lost connection too: `work` may be done twice, or undoes itself. */
  repeatLost?: boolean
}

/**
 * Repeats `work` while another writer holds the lock, for some ten seconds,
 * pausing without blocking the process; `work` must begin anew each time.
 */
export async function repeatWhileBusy<T>(
  { clock, dialect, operation, logger, repeatLost = false }: RetryOptions,
  work: () => Promise<T>
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt >= attemptsAfter(error, dialect, repeatLost)) {
        throw error
      }
      logger?.debug(
        { operation, attempt, reason: (error as Error).message },
        'another writer holds the database, or the connection was lost: trying again'
      )
      await sleep(clock, pauseAfter(attempt))
    }
  }
}

/** How often `work` may be tried, going by how it failed; a commit that may be done is not repeated. */
function attemptsAfter(error: unknown, dialect: Dialect, repeatLost: boolean): number {
  if (dialect.isBusy(error)) {
    return ATTEMPTS
  }
  return repeatLost && dialect.isLost(error) && !mayBeCommitted(error) ? ATTEMPTS_OF_LOST : 1
}

/**
 * The same for the store.
 *
 * @throws E_STORAGE_UNAVAILABLE when the lock stays taken, or the database is away
 */
export async function retryWhileBusy<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await repeatWhileBusy({ ...options, repeatLost: true }, work)
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
