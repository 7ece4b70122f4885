import { E_NOT_DELIVERED } from '../../errors.ts'
import type { Clock } from '../../clock.ts'
import type { Counters } from '../../counters.ts'
import type { Storage } from '../../storage/contract.ts'
import type { CoreConfig } from '../../types/config.ts'
import type { HandedExecution } from '../../types/engine.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { Logger } from '../../types/logger.ts'
import type { Dispatcher, UnbegunEnd } from '../dispatcher.ts'
import type { HandlerRegistry } from '../handler_registry.ts'
import { Hold } from '../hold.ts'
import { OWN_QUEUE, type Lane } from '../lane.ts'

interface Deps {
  storage: Storage
  registry: HandlerRegistry
  dispatcher: Dispatcher
  clock: Clock
  logger: Logger
  counters: Counters
  nodeId: string
  config: Pick<CoreConfig, 'lease'>
  /** Whose places it takes, whether they are free or not. */
  lane: Lane
  /** It is no longer to be kept by this process for another. */
  onTaken: (id: string) => void
}

/**
 * Runs what another engine delivers, on any process that has its handler. The
 * attempt is taken over in the store first: of two deliveries of it one gets
 * it, and one that comes after a rescue, a cancel or a hand-back gets nothing.
 */
export class Delivery {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Resolves when the end of the attempt is stored.
   *
   * @returns false when it came late, or once too often: nothing was run
   * @throws E_NOT_DELIVERED, or what the store throws: it is handed over again then
   */
  async deliver(handed: HandedExecution): Promise<boolean> {
    const { clock, dispatcher, counters, logger, lane, onTaken } = this.#deps
    this.#check(handed)
    const began = clock.monotonic()
    const execution = await this.#takeOver(handed)
    if (execution === null) {
      counters.increment('engine.late')
      const { id: executionId, attempt } = handed
      logger.debug({ executionId, attempt }, "What was delivered is another's, or over")
      return false
    }
    onTaken(handed.id)
    const trustedUntil = began + this.#deps.config.lease.ttl
    const hold = new Hold({ execution, lane, source: OWN_QUEUE, trustedUntil, clock })
    await dispatcher.runAtOnce(hold, unbegunEnd(execution))
    return true
  }

  #check({ id, handler }: HandedExecution): void {
    if (this.#deps.dispatcher.closed) {
      throw new E_NOT_DELIVERED([id, 'this process stops'])
    }
    if (!this.#deps.registry.has(handler)) {
      throw new E_NOT_DELIVERED([id, `handler "${handler}" is not registered`])
    }
  }

  #takeOver({ id, attempt, node }: HandedExecution): Promise<ExecutionRecord | null> {
    const { storage, clock, nodeId, config } = this.#deps
    return storage.executions.takeOver({
      now: clock.nowOrNull(),
      fence: { id, attempt, node },
      node: nodeId,
      lease: config.lease.ttl,
    })
  }
}

/** What became of it on its way; null when it is to run. */
function unbegunEnd(execution: ExecutionRecord): UnbegunEnd | null {
  if (execution.cancelRequestedAt !== null) {
    return { to: 'cancelled', reason: execution.reason }
  }
  const isExpired = execution.expiresAt !== null && execution.expiresAt <= execution.claimedAt!
  return isExpired ? { to: 'missed', reason: 'expired' } : null
}
