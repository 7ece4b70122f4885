import { sleep } from '../../clock.ts'
import { E_NOT_TAKEN } from '../../errors.ts'
import type { NextAvailable } from '../../storage/contract.ts'
import type { CoreConfig } from '../../types/config.ts'
import type { HandlerRegistry } from '../handler_registry.ts'
import type { Hold } from '../hold.ts'
import type { DeclaredLimits } from '../declared_limits.ts'
import type { Lane } from '../lane.ts'
import type { PullSeats } from '../pull_seats.ts'
import type { Pullable } from '../source_pump.ts'
import { WaitingLeases, type WaitingLeasesDeps } from './waiting_leases.ts'

/** An engine that has not taken what it was handed by then has not taken it, ms. */
const PATIENCE = 10_000

interface Deps extends WaitingLeasesDeps {
  queue: string
  lane: Lane
  registry: HandlerRegistry
  limits: DeclaredLimits
  config: Pick<CoreConfig, 'lease' | 'poll'>
}

/**
 * Claims the executions of a queue that another engine runs, and hands them
 * over. Each is this node's until a worker takes it over (`Delivery`), so that
 * one that gets lost on the way lapses, and one that comes late is refused.
 */
export class HandOver implements Pullable {
  readonly name: string
  readonly pollInterval: number
  readonly waiting: WaitingLeases
  /** Places for what was handed over and has not begun. */
  readonly lane: Lane
  readonly #deps: Deps
  #claimed: Hold[] = []

  constructor(deps: Deps) {
    this.#deps = deps
    this.name = handOverOf(deps.queue)
    this.pollInterval = deps.config.poll.max
    this.lane = deps.lane
    this.waiting = new WaitingLeases(deps)
  }

  /** Takes claimed attempts from a pull. */
  add(holds: Hold[]): void {
    this.#claimed.push(...holds)
    this.waiting.add(holds)
  }

  async pull(seats: PullSeats): Promise<number> {
    const { storage, clock, limits, registry, queue } = this.#deps
    const handlers = registry.names()
    if (handlers.length === 0) {
      return 0
    }
    await limits.refresh()
    const began = clock.monotonic()
    const claimed = await storage.executions.claim({
      ...seats.claimant,
      ...{ limit: seats.count, handlers, queues: [queue] },
    })
    seats.accept(claimed, began)
    await this.#push(this.#claimed.splice(0))
    return claimed.length
  }

  /** When something that waits may be claimed. */
  async nextAt(elapsed: number): Promise<NextAvailable | null> {
    const { storage, registry, clock, nodeId: node, queue } = this.#deps
    const now = clock.nowOrNull()
    const handlers = registry.names()
    const asked = { now, elapsed, handlers, queues: [queue], node }
    return handlers.length === 0 ? null : storage.executions.nextAvailableAt(asked)
  }

  async stop(): Promise<void> {
    await this.waiting.close()
  }

  /** @throws E_NOT_TAKEN when the engine fails: what it did not take is back in the queue */
  async #push(holds: Hold[]): Promise<void> {
    const byPriority = Map.groupBy(holds, ({ execution }) => execution.priority)
    const groups = [...byPriority].sort(([a], [b]) => a - b)
    for (const [at, [priority, group]] of groups.entries()) {
      try {
        await this.#pushed(priority, group)
      } catch (error) {
        const left = groups.slice(at).flatMap(([, each]) => each)
        await this.#refused(left, error)
      }
    }
  }

  async #pushed(priority: number, holds: Hold[]): Promise<void> {
    const { engine, clock, queue } = this.#deps
    const over = new AbortController()
    const handed = holds.map(({ execution: { id, attempt, node, handler } }) => ({
      ...{ id, attempt, handler },
      node: node!,
    }))
    const late = sleep(clock, PATIENCE, over.signal).then(() => null)
    try {
      const known = await Promise.race([engine.push(queue, priority, handed), late])
      if (known === null) {
        throw new Error(`it has not answered within ${PATIENCE} ms`)
      }
      holds.forEach((hold, index) => this.waiting.pushed(hold, known[index]))
    } finally {
      over.abort()
    }
  }

  async #refused(holds: Hold[], error: unknown): Promise<never> {
    const left = holds.filter((hold) => this.waiting.find(hold.id) === hold)
    await this.waiting.release(left, 'the other engine did not take it')
    const { message } = error as Error
    throw new E_NOT_TAKEN([String(left.length), this.#deps.queue, message], { cause: error })
  }
}

/** The name that the hand-over of a queue goes by among the sources of work. */
export function handOverOf(queue: string): string {
  return `hand-over:${queue}`
}
