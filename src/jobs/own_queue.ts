import type { CoreConfig } from '../types/config.ts'
import type { DeclaredLimits } from './declared_limits.ts'
import type { Lane } from './lane.ts'
import type { PullDeps, PullSeats } from './pull_seats.ts'
import type { Pullable } from './source_pump.ts'

interface Deps extends Pick<PullDeps, 'storage' | 'registry' | 'clock' | 'nodeId'> {
  limits: DeclaredLimits
  lane: Pick<Lane, 'name' | 'queues' | 'exceptQueues'>
  config: Pick<CoreConfig, 'poll'>
}

/**
 * The package's own queue, or its part for one lane, as the first of the
 * sources of work. It claims only what a handler of this process can run;
 * everything else stays.
 */
export class OwnQueue implements Pullable {
  readonly name: string
  readonly pollInterval: number
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
    this.name = deps.lane.name
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
      queues: this.#deps.lane.queues,
      exceptQueues: this.#deps.lane.exceptQueues,
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
    const { storage, nodeId, lane } = this.#deps
    const { queues, exceptQueues } = lane
    return storage.executions.nextAvailableAt({ handlers, queues, exceptQueues, node: nodeId })
  }
}
