import type { HandlerLock, LockWait } from '../types/handlers.ts'
import { checkRun } from './lock_options.ts'

/** Acquires a lock, does the work, and releases it. @throws E_INVALID_INPUT before it waits for anything */
export async function runLocked<T>(
  lock: HandlerLock,
  work: () => Promise<T> | T,
  options: LockWait | undefined
): Promise<T> {
  checkRun(lock.name, work, options)
  await lock.acquire(options)
  try {
    return await work()
  } finally {
    await lock.release()
  }
}
