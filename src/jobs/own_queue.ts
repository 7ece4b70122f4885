import type { CoreConfig } from '../types/config.ts'
import type { DeclaredLimits } from './declared_limits.ts'
import type { PullDeps, PullSeats } from './pull_seats.ts'
import type { Pullable } from './source_pump.ts'

interface Deps extends Pick<PullDeps, 'storage' | 'registry' | 'clock' | 'nodeId'> {
  limits: DeclaredLimits
  config: Pick<CoreConfig, 'poll' | 'queues'>
  /** Queues that others run. */
  exceptQueues: string[]
}

/** The name that the own queue goes by among the sources. */
export const OWN_QUEUE = 'queue'

/**
 * The package's own queue, as the first of the sources of work. It claims
 * only what a handler of this process can run; everything else stays.
 */
export class OwnQueue implements Pullable {
  readonly name = OWN_QUEUE
  readonly pollInterval: number
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
    this.pollInterval = deps.config.poll.max
  }

  async pull(seats: PullSeats): Promise<number> {
    const handlers = this.#deps.registry.names()
    if (handlers.length === 0) {
      return 0
    }
    await this.#deps.limits.refresh()
    const began = this.#deps.clock.monotonic()
    const claimed = await this.#deps.storage.executions.claim({
      ...seats.claimant,
      limit: seats.count,
      handlers,
      ...this.#queues(),
    })
    seats.accept(claimed, began)
    return claimed.length
  }

  /** The instant (epoch ms) at which the next delayed execution may be claimed. */
  async nextAt(): Promise<number | null> {
    const handlers = this.#deps.registry.names()
    if (handlers.length === 0) {
      return null
    }
    return this.#deps.storage.executions.nextAvailableAt({
      handlers,
      ...this.#queues(),
      node: this.#deps.nodeId,
    })
  }

  #queues(): { queues?: string[]; exceptQueues: string[] } {
    const { config, exceptQueues } = this.#deps
    return { queues: config.queues ?? undefined, exceptQueues }
  }
}
