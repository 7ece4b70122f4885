import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { announceChildren, endedNotice } from '../executions/notices.ts'
import type { ExpiredLease, Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'
import { Sightings } from './sightings.ts'

/** Lapsed leases that are watched at once: an outage of a large node is one round. */
const MAX_WATCHED = 5_000

interface Deps {
  storage: Storage
  notifier: Notifier
  clock: Clock
  logger: Logger
  counters: Counters
  config: Pick<CoreConfig, 'lease' | 'maxRescues' | 'housekeeping'>
}

export interface Rescued {
  /** Back in the queue. */
  rescued: number
  /** Lost their node too often. */
  abandoned: number
}

/**
 * Takes over executions whose node is gone. A lease has lapsed only when the
 * database's clock says so *and* this process has seen the same node, attempt
 * and renewal unchanged for a full lease on its own monotonic clock.
 */
export class Rescue {
  readonly #deps: Deps
  readonly #sightings: Sightings

  constructor(deps: Deps) {
    this.#deps = deps
    this.#sightings = new Sightings(deps.clock, deps.config.lease.ttl)
  }

  async runOnce(): Promise<Rescued> {
    const { storage, clock } = this.#deps
    const began = clock.monotonic()
    const expired = await storage.executions.listExpired({
      now: clock.nowOrNull(),
      limit: MAX_WATCHED,
    })
    const dead = this.#sightings.look(expired, began, ({ id, node, attempt, renewals }) => ({
      key: id,
      mark: `${node}/${attempt}/${renewals}`,
    }))
    const total: Rescued = { rescued: 0, abandoned: 0 }
    const { batch } = this.#deps.config.housekeeping
    for (let from = 0; from < dead.length; from += batch) {
      const { rescued, abandoned } = await this.#takeOver(dead.slice(from, from + batch))
      total.rescued += rescued
      total.abandoned += abandoned
    }
    return total
  }

  async #takeOver(expired: ExpiredLease[]): Promise<Rescued> {
    const { storage, clock, config, counters, logger } = this.#deps
    const { requeued, abandoned, cancelled, children } = await storage.executions.rescueExpired({
      now: clock.nowOrNull(),
      expired,
      maxRescues: config.maxRescues,
    })
    counters.increment('executions.rescued', requeued.length)
    counters.increment('executions.abandoned', abandoned.length)
    counters.increment('executions.cancelled', cancelled.length)
    const done = new Set([...requeued, ...abandoned, ...cancelled])
    for (const { id, node, attempt, handler } of expired) {
      if (done.has(id)) {
        logger.warn({ executionId: id, node, attempt, handler }, 'An execution lost its node')
      }
    }
    await this.#announce(abandoned, 'abandoned')
    await this.#announce(cancelled, 'cancelled')
    announceChildren(this.#deps, children)
    return { rescued: requeued.length, abandoned: abandoned.length }
  }

  async #announce(ids: string[], outcome: 'abandoned' | 'cancelled'): Promise<void> {
    const { storage, notifier, clock } = this.#deps
    for (const id of ids) {
      const execution = await storage.executions.find(id)
      if (execution) {
        const end = { outcome, duration: null, reason: execution.reason, error: null }
        notifier.emit(`execution:${outcome}`, endedNotice(execution, end, clock.now()))
      }
    }
  }
}
