import type { Clock, ClockTimer } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Storage, StoreChange, StoreWatch, StoreWatcher } from '../storage/contract.ts'
import type { Logger } from '../types/logger.ts'

/** Changes that come in so many ms after one that was passed on are passed on together. */
const BURST = 10

export interface StoreListenerDeps {
  storage: Storage
  clock: Clock
  logger: Logger
  counters: Counters
  /** Wakes whoever looks for what has changed. */
  wake: Record<StoreChange, () => void>
}

/**
 * Wakes this process when the store tells that others changed something: at
 * once, and then once more for all that follows closely. Its loss costs
 * latency only, since polling goes on.
 */
export class StoreListener implements StoreWatcher {
  readonly #deps: StoreListenerDeps
  readonly #pending = new Set<StoreChange>()
  #timer: ClockTimer | null = null
  #starting: Promise<StoreWatch | null> | null = null
  #lost = false

  constructor(deps: StoreListenerDeps) {
    this.#deps = deps
  }

  /** Does not wait for the store, and cannot fail. */
  start(): void {
    const { storage } = this.#deps
    const watching = async () => (await storage.watch?.(this)) ?? null
    this.#starting = watching().catch((error: unknown) => {
      this.lost(error)
      return null
    })
  }

  async stop(): Promise<void> {
    const watch = await this.#starting
    this.#starting = null
    await watch?.stop()
    this.#timer?.cancel()
    this.#timer = null
    this.#pending.clear()
    this.#lost = false
  }

  changed(change: StoreChange): void {
    if (this.#starting === null) {
      return
    }
    this.#deps.counters.increment(`storage.told.${change}`)
    this.#pending.add(change)
    if (this.#timer === null) {
      this.#pass()
    }
  }

  /** Whatever was not told before this is looked for now. */
  listening(): void {
    if (this.#lost) {
      this.#lost = false
      this.#deps.logger.info({}, 'The store tells of new work again')
    }
    if (this.#starting !== null) {
      Object.values(this.#deps.wake).forEach((wake) => wake())
    }
  }

  lost(error: unknown): void {
    this.#lost = true
    this.#deps.counters.increment('storage.listener.lost')
    this.#deps.logger.warn(
      { err: error },
      'The store does not tell of new work any more; polling finds it until it does again'
    )
  }

  #pass(): void {
    const changes = [...this.#pending]
    this.#pending.clear()
    changes.forEach((change) => this.#deps.wake[change]())
    this.#timer = this.#deps.clock.timer(BURST, () => this.#afterBurst(), { ref: false })
  }

  #afterBurst(): void {
    this.#timer = null
    if (this.#pending.size > 0) {
      this.#pass()
    }
  }
}
