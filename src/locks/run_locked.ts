import type { HandlerLock, LockWait } from '../types/handlers.ts'
import { checkRun } from './lock_options.ts'

/** The last run of a lock that was asked for: a lock object is held once, whoever asks for it. */
const last = new WeakMap<HandlerLock, Promise<unknown>>()

/**
 * Acquires a lock, does the work, and releases it. Runs of one lock object take
 * turns; each waits for the lock from its turn on.
 *
 * @throws E_INVALID_INPUT before it waits for anything
 */
export async function runLocked<T>(
  lock: HandlerLock,
  work: () => Promise<T> | T,
  options: LockWait | undefined
): Promise<T> {
  checkRun(lock.name, work, options)
  const before = last.get(lock)
  const run = before ? before.then(() => locked(lock, work, options)) : locked(lock, work, options)
  // The next one has its turn whatever became of this one; its caller gets the failure
  last.set(
    lock,
    run.catch(() => undefined)
  )
  return run
}

async function locked<T>(
  lock: HandlerLock,
  work: () => Promise<T> | T,
  options: LockWait | undefined
): Promise<T> {
  await lock.acquire(options)
  try {
    return await work()
  } finally {
    await lock.release()
  }
}
