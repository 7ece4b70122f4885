import { sleep, type Clock } from '../clock.ts'
import { ReleaseSignal } from '../jobs/outcome.ts'
import type { HandlerContext } from '../types/handlers.ts'
import type { Logger } from '../types/logger.ts'
import { Backoff } from './backoff.ts'
import { isTransient } from './connection.ts'

interface Deps {
  clock: Clock
  logger: Logger
}

/** Once the outcome is decided, its write-back is not timed out. */
const CLOSING_TIME = '1d'

/**
 * Writes the end of a request, again and again while the database is away and
 * the lease holds. At shutdown another node goes on from the checkpoint.
 *
 * @throws ReleaseSignal at shutdown; what the database refuses
 */
export async function untilWritten<T>(
  { clock, logger }: Deps,
  { signal, extend }: Pick<HandlerContext, 'signal' | 'extend'>,
  write: () => Promise<T>
): Promise<T> {
  const backoff = new Backoff()
  extend(CLOSING_TIME)
  for (;;) {
    try {
      return await write()
    } catch (error) {
      if (!isTransient(error)) {
        throw error
      }
      if (signal.aborted && signal.reason !== 'cancelled' && signal.reason !== 'timeout') {
        throw new ReleaseSignal(0, 'only the write-back of the request is missing')
      }
      const wait = backoff.failed()
      logger.warn(
        { err: error, wait },
        'The end of a request could not be written; it is tried again'
      )
      await sleep(clock, wait)
    }
  }
}

/**
 * Nothing is lost so far: a database that is away gives the execution back.
 *
 * @throws ReleaseSignal
 */
export async function orReleased<T>(backoff: Backoff, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work()
    backoff.succeeded()
    return result
  } catch (error) {
    if (!isTransient(error)) {
      throw error
    }
    const reason = `the legacy database cannot be reached: ${(error as Error).message}`
    throw new ReleaseSignal(backoff.failed(), reason)
  }
}
