import type { HeldLock, LockBackend } from './backend.ts'

/** What is used of a lock of @adonisjs/lock. */
interface HostLock {
  acquireImmediately(): Promise<boolean>
  extend(ttl: number): Promise<void>
  release(): Promise<void>
}

/** What is used of the lock manager of @adonisjs/lock. */
export interface HostLocks {
  createLock(name: string, ttl: number): HostLock
}

/** The host's locks, in the store that its own config names (Redis, a database). */
export class HostBackend implements LockBackend {
  readonly #locks: HostLocks

  constructor(locks: HostLocks) {
    this.#locks = locks
  }

  async acquire(name: string, _owner: string, ttl: number): Promise<HeldLock | null> {
    const lock = this.#locks.createLock(`almanac:${name}`, ttl)
    if (!(await lock.acquireImmediately())) {
      return null
    }
    return {
      renew: (length) => kept(() => lock.extend(length)),
      release: async () => {
        await kept(() => lock.release())
      },
    }
  }
}

/** A lock of another is told of by an error of this code; any other is a failure of the store. */
async function kept(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'E_LOCK_NOT_OWNED') {
      return false
    }
    throw error
  }
}
