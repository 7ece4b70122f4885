import { readLock } from './lock_options.ts'
import { NamedLock } from './named_lock.ts'
import type { Clock } from '../clock.ts'
import type { Duration } from '../duration.ts'
import type { HandlerLock } from '../types/handlers.ts'
import type { Logger } from '../types/logger.ts'
import type { LockBackend } from './backend.ts'

interface Deps {
  backend: LockBackend
  clock: Clock
  logger: Logger
  /** One attempt: its locks' owners begin with it. */
  owner: string
  signal: AbortSignal
}

/** The locks of one attempt: all that are still held are released at its end. */
export class LockSet {
  readonly #deps: Deps
  readonly #locks: NamedLock[] = []

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @throws E_INVALID_INPUT with every problem at once */
  make(name: string, ttl?: Duration): HandlerLock {
    const ms = readLock(name, ttl)
    const owner = `${this.#deps.owner}/${this.#locks.length}`
    const lock = new NamedLock({ ...this.#deps, name, owner, ttl: ms })
    this.#locks.push(lock)
    return lock
  }

  /** Whether any was asked for. */
  get used(): boolean {
    return this.#locks.length > 0
  }

  /** Never rejects: a lock that cannot be released lapses by itself. */
  async releaseAll(): Promise<void> {
    const ends = await Promise.allSettled(this.#locks.map((lock) => lock.close()))
    for (const end of ends) {
      if (end.status === 'rejected') {
        const { logger } = this.#deps
        logger.warn({ err: end.reason as unknown }, 'A lock was not released; it lapses by itself')
      }
    }
  }
}
