import type { NextAvailable } from '../storage/contract.ts'
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
    const { limits } = this.#deps
    await limits.refresh()
    // What is limited and waits for a slot here would keep its place from other nodes
    const found = await this.#claim(
      seats,
      limits.limited.size > 0 ? seats.now : seats.count,
      handlers
    )
    if (found < seats.now || found === seats.count || limits.limited.size === 0) {
      return found
    }
    const ahead = handlers.filter((name) => !limits.limited.has(name))
    return found + (await this.#claim(seats, seats.count - found, ahead))
  }

  async #claim(seats: PullSeats, limit: number, handlers: string[]): Promise<number> {
    if (limit === 0 || handlers.length === 0) {
      return 0
    }
    const { clock, storage, lane } = this.#deps
    const began = clock.monotonic()
    const claimed = await storage.executions.claim({
      ...seats.claimant,
      ...{ limit, handlers },
      queues: lane.queues,
      exceptQueues: lane.exceptQueues,
    })
    seats.accept(claimed, began)
    return claimed.length
  }

  /** When something that waits may be claimed. */
  async nextAt(elapsed: number): Promise<NextAvailable | null> {
    const { storage, registry, clock, nodeId: node, lane } = this.#deps
    const { queues, exceptQueues } = lane
    const now = clock.nowOrNull()
    const handlers = registry.names()
    const asked = { now, elapsed, handlers, queues, exceptQueues, node }
    return handlers.length === 0 ? null : storage.executions.nextAvailableAt(asked)
  }
}
