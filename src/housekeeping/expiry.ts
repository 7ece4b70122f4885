import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { announceChildren, endedNotice } from '../executions/notices.ts'
import type { Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { Notifier } from '../types/notifications.ts'
import { inBatches } from './prune.ts'

/** Batches of one round; the next round goes on. */
const MAX_BATCHES = 50

interface Deps {
  storage: Storage
  clock: Clock
  notifier: Notifier
  counters: Counters
  config: Pick<CoreConfig, 'housekeeping'>
}

/**
 * Ends what was not begun in time. No claim takes such a row, so that this
 * only says so: also when nobody claims.
 */
export class Expiry {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @returns how many executions were ended */
  async runOnce(): Promise<number> {
    const { batch } = this.#deps.config.housekeeping
    const { rows } = await inBatches(batch, MAX_BATCHES, () => this.#batch(batch))
    return rows
  }

  async #batch(limit: number): Promise<number> {
    const { storage, clock, notifier, counters } = this.#deps
    const ended = await storage.executions.expire({ now: clock.nowOrNull(), limit })
    const expired = ended.filter(({ state }) => state === 'missed')
    counters.increment('executions.missed', expired.length)
    for (const execution of expired) {
      const { reason } = execution
      const end = { outcome: 'missed' as const, duration: null, reason, error: null }
      notifier.emit('execution:missed', endedNotice(execution, end, clock.now()))
    }
    announceChildren(this.#deps, ended.slice(expired.length))
    return expired.length
  }
}
