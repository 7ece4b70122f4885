import { E_EXECUTION_NOT_FOUND } from '../errors.ts'
import { announceChildren, endedNotice } from '../executions/notices.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { CancelResult, Storage } from '../storage/contract.ts'
import type { Notifier } from '../types/notifications.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { Hold } from './hold.ts'

/** Why, where nobody said it. */
export const CANCELLED = 'cancelled by request'

interface Deps {
  storage: Storage
  notifier: Notifier
  clock: Clock
  counters: Counters
  heartbeat: Heartbeat
  dispatcher: Dispatcher
}

/**
 * Cancels executions, wherever they run: a request is stored with the
 * execution and reaches its node with the next look for such requests, or the
 * next renewal of the lease; on this node at once.
 */
export class Cancellation {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @throws E_EXECUTION_NOT_FOUND */
  async cancel(
    id: string,
    options: { reason?: string; by?: string }
  ): Promise<'cancelled' | 'requested' | null> {
    const { storage, clock } = this.#deps
    const { reason = CANCELLED, by = 'system' } = options
    const result = await storage.executions.requestCancel({
      now: clock.nowOrNull(),
      id,
      reason,
      journal: { kind: 'execution.cancelled', actor: by, subject: id, after: { reason } },
    })
    if (result?.done === 'requested') {
      const hold = this.#deps.heartbeat.find(id)
      if (hold) {
        this.here(hold, reason)
      }
    } else {
      await this.#announce(id, reason, result)
    }
    return result?.done ?? null
  }

  /** Somebody asked to stop an attempt that this node holds. */
  here(hold: Hold, reason: string): void {
    if (hold.state === 'waiting') {
      void this.#deps.dispatcher.endUnbegun(hold, { to: 'cancelled', reason })
    } else {
      hold.cancel(reason)
    }
  }

  async #announce(id: string, reason: string, result: CancelResult | null): Promise<void> {
    const { storage, notifier, clock, counters } = this.#deps
    const execution = await storage.executions.find(id)
    if (!execution) {
      throw new E_EXECUTION_NOT_FOUND([id])
    }
    if (result) {
      counters.increment('executions.cancelled')
      const end = { outcome: 'cancelled' as const, duration: null, reason, error: null }
      notifier.emit('execution:cancelled', endedNotice(execution, end, clock.now()))
      announceChildren(this.#deps, result.children)
    }
  }
}
