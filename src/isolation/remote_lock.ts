import type { Duration } from '../duration.ts'
import { readLock, readTtl, readWait } from '../locks/lock_options.ts'
import { runLocked } from '../locks/run_locked.ts'
import type { HandlerLock, LockWait } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import type { Request } from './wire.ts'

/** A lock of an isolated handler: the process that holds the execution keeps and renews it. */
export class RemoteLock implements HandlerLock {
  readonly #lost = new AbortController()
  readonly #id: number
  readonly #ttl: number
  readonly #ask: (request: Request) => Promise<JsonValue | undefined>
  readonly name: string

  /** @throws E_INVALID_INPUT */
  constructor(
    id: number,
    name: string,
    ttl: Duration | undefined,
    ask: (request: Request) => Promise<JsonValue | undefined>
  ) {
    this.#id = id
    this.name = name
    this.#ttl = readLock(name, ttl)
    this.#ask = ask
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  async tryAcquire(): Promise<boolean> {
    return (await this.#ask({ verb: 'tryAcquire', ...this.#which() })) === true
  }

  async acquire(options?: LockWait): Promise<void> {
    const wait = readWait(this.name, options)
    await this.#ask({ verb: 'acquire', ...this.#which(), wait })
  }

  async extend(ttl?: Duration): Promise<void> {
    const length = ttl === undefined ? null : readTtl(this.name, ttl)
    await this.#ask({ verb: 'extendLock', ...this.#which(), length })
  }

  async release(): Promise<void> {
    await this.#ask({ verb: 'release', ...this.#which() })
  }

  async run<T>(work: () => Promise<T> | T, options?: LockWait): Promise<T> {
    return runLocked(this, work, options)
  }

  lost(): void {
    this.#lost.abort('lock lost')
  }

  #which() {
    return { lock: this.#id, name: this.name, ttl: this.#ttl }
  }
}
