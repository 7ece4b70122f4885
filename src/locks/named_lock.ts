import { sleep, type Clock, type ClockTimer } from '../clock.ts'
import { E_LOCK_LOST, E_LOCK_TIMEOUT } from '../errors.ts'
import type { Duration } from '../duration.ts'
import type { HandlerLock, LockWait } from '../types/handlers.ts'
import type { Logger } from '../types/logger.ts'
import type { HeldLock, LockBackend } from './backend.ts'
import { readTtl, readWait } from './lock_options.ts'
import { runLocked } from './run_locked.ts'

/** Between two looks at a lock that another holds, ms; the waits double from the first to the last. */
const WAIT = { first: 50, last: 1_000 }

interface Deps {
  backend: LockBackend
  clock: Clock
  logger: Logger
  name: string
  /** One of a kind. */
  owner: string
  /** ms */
  ttl: number
  /** Of the execution: nothing is waited for or renewed after its abort by a lost lease. */
  signal: AbortSignal
}

/**
 * One lock of one execution, renewed at a third of its ttl while it is held.
 * It counts as held for its ttl from before the call that acquired or renewed
 * it, on the monotonic clock, as a lease does.
 */
export class NamedLock implements HandlerLock {
  readonly #deps: Deps
  readonly #lost = new AbortController()
  #held: HeldLock | null = null
  #timer: ClockTimer | null = null
  #trustedUntil = 0
  #closed = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get name(): string {
    return this.#deps.name
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  async tryAcquire(): Promise<boolean> {
    const { backend, clock, name, owner, ttl, signal } = this.#deps
    signal.throwIfAborted()
    if (this.#held) {
      return true
    }
    const began = clock.monotonic()
    const held = await backend.acquire(name, owner, ttl)
    if (held === null) {
      return false
    }
    if (this.#closed) {
      await held.release()
      throw new E_LOCK_LOST([name])
    }
    this.#held = held
    this.#trustedUntil = began + ttl
    this.#arm()
    return true
  }

  async acquire(options?: LockWait): Promise<void> {
    const { clock, name, signal } = this.#deps
    const limit = readWait(name, options) ?? Infinity
    const until = clock.monotonic() + limit
    for (
      let pause = WAIT.first;
      !(await this.tryAcquire());
      pause = Math.min(pause * 2, WAIT.last)
    ) {
      const left = until - clock.monotonic()
      if (left <= 0) {
        throw new E_LOCK_TIMEOUT([name, String(limit)])
      }
      await sleep(clock, Math.min(pause, left), signal)
    }
  }

  async extend(ttl?: Duration): Promise<void> {
    const length = ttl === undefined ? this.#deps.ttl : readTtl(this.#deps.name, ttl)
    if (!(await this.#renew(length))) {
      throw new E_LOCK_LOST([this.#deps.name])
    }
  }

  async release(): Promise<void> {
    const held = this.#held
    this.#drop()
    await held?.release()
  }

  /** The execution has ended: what it still waits for is not acquired any more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.release()
  }

  async run<T>(work: () => Promise<T> | T, options?: LockWait): Promise<T> {
    return runLocked(this, work, options)
  }

  #arm(): void {
    const { clock, ttl } = this.#deps
    this.#timer?.cancel()
    this.#timer = clock.timer(Math.ceil(ttl / 3), () => void this.#keep(), { ref: false })
  }

  /** Goes on trying while the store is away and the lock can still be trusted. */
  async #keep(): Promise<void> {
    try {
      if (!(await this.#renew(this.#deps.ttl))) {
        return
      }
    } catch (error) {
      const { clock, logger, name } = this.#deps
      logger.warn({ err: error, lock: name }, 'A lock could not be renewed')
      if (clock.monotonic() >= this.#trustedUntil) {
        this.#lose()
        return
      }
    }
    if (this.#held) {
      this.#arm()
    }
  }

  async #renew(ttl: number): Promise<boolean> {
    const { clock } = this.#deps
    const held = this.#held
    if (!held) {
      return false
    }
    const began = clock.monotonic()
    const kept = began < this.#trustedUntil && (await held.renew(ttl))
    if (kept) {
      this.#trustedUntil = began + ttl
    } else if (this.#held === held) {
      this.#lose()
    }
    return kept
  }

  #lose(): void {
    this.#drop()
    this.#lost.abort('lock lost')
  }

  #drop(): void {
    this.#held = null
    this.#timer?.cancel()
    this.#timer = null
  }
}
