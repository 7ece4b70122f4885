import { toMilliseconds, type Duration } from '../duration.ts'
import type { HandlerLock, LockWait } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import type { Request } from './wire.ts'

const TTL = 30_000

/** A lock of an isolated handler: the process that holds the execution keeps and renews it. */
export class RemoteLock implements HandlerLock {
  readonly #lost = new AbortController()
  readonly #id: number
  readonly #ttl: number
  readonly #ask: (request: Request) => Promise<JsonValue | undefined>
  readonly name: string

  /** @throws E_INVALID_DURATION */
  constructor(
    id: number,
    name: string,
    ttl: Duration = TTL,
    ask: (request: Request) => Promise<JsonValue | undefined>
  ) {
    this.#id = id
    this.name = name
    this.#ttl = toMilliseconds(ttl, 'ttl')
    this.#ask = ask
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  async tryAcquire(): Promise<boolean> {
    return (await this.#ask({ verb: 'tryAcquire', ...this.#which() })) === true
  }

  async acquire({ wait }: LockWait = {}): Promise<void> {
    const limit = wait === undefined ? null : toMilliseconds(wait, 'wait')
    await this.#ask({ verb: 'acquire', ...this.#which(), wait: limit })
  }

  async extend(ttl?: Duration): Promise<void> {
    const length = ttl === undefined ? null : toMilliseconds(ttl, 'ttl')
    await this.#ask({ verb: 'extendLock', ...this.#which(), length })
  }

  async release(): Promise<void> {
    await this.#ask({ verb: 'release', ...this.#which() })
  }

  async run<T>(work: () => Promise<T> | T, options: LockWait = {}): Promise<T> {
    await this.acquire(options)
    try {
      return await work()
    } finally {
      await this.release()
    }
  }

  lost(): void {
    this.#lost.abort('lock lost')
  }

  #which() {
    return { lock: this.#id, name: this.name, ttl: this.#ttl }
  }
}
