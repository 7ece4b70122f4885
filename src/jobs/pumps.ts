import type { Counters } from '../counters.ts'
import type { CoreConfig } from '../types/config.ts'
import type { Logger } from '../types/logger.ts'
import type { DeclaredLimits } from './declared_limits.ts'
import { HandOver } from './engine/hand_over.ts'
import { OWN_QUEUE, type Lane } from './lane.ts'
import { OwnQueue } from './own_queue.ts'
import type { PullDeps } from './pull_seats.ts'
import { SourcePump, type Pullable } from './source_pump.ts'

interface Deps extends Omit<PullDeps, 'lane'> {
  config: PullDeps['config'] & Pick<CoreConfig, 'poll'>
  logger: Logger
  counters: Counters
  limits: DeclaredLimits
}

/** What pulls from each source of work, the own queues first. */
export class Pumps {
  readonly #deps: Deps
  readonly #pumps = new Map<string, SourcePump>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get all(): SourcePump[] {
    return [...this.#pumps.values()]
  }

  has(name: string): boolean {
    return this.#pumps.has(name)
  }

  /** @param dispatcher takes what is claimed. Default: that of the node's handlers */
  add(
    source: Pullable,
    lane: Lane,
    dispatcher: PullDeps['dispatcher'] = this.#deps.dispatcher
  ): SourcePump {
    const { limits } = this.#deps
    // Claims of the own queues need no such look: they take nothing then
    const isStopped = isOfOwnQueues(source) ? undefined : () => limits.isStopped()
    const pump = new SourcePump({ ...this.#deps, dispatcher, lane, isStopped }, source)
    this.#pumps.set(source.name, pump)
    return pump
  }

  /** There may be work now: of one source, or of all. */
  wake(source?: string): void {
    for (const pump of this.#pumps.values()) {
      const isOwn = source === OWN_QUEUE && isOfOwnQueues(pump.source)
      if (source === undefined || isOwn || pump.source.name === source) {
        pump.nudge()
      }
    }
  }

  /** A run of this source has left what another one may wait for. */
  freed(source: string): void {
    for (const pump of this.#pumps.values()) {
      if (isOfOwnQueues(pump.source) ? pump.hasWaiting : pump.source.name === source) {
        pump.nudge()
      }
    }
  }
}

function isOfOwnQueues(source: Pullable): boolean {
  return source instanceof OwnQueue || source instanceof HandOver
}
