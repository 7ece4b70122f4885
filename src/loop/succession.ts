import type { Clock } from '../clock.ts'
import type { NodeRecord, Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'

interface Deps {
  storage: Pick<Storage, 'nodes' | 'leases' | 'now'>
  clock: Clock
  config: Pick<CoreConfig, 'leader' | 'lease' | 'leaderPriority'>
  nodeId: string
  /** Name of the leader's lease. */
  lease: string
}

/** Name under which a node shows its priority in the list of nodes. */
export const PRIORITY = 'leaderPriority'

/**
 * Who is to lead after this term: a live node with a higher priority than
 * this one, when there is one. A lower node lets the term go and waits for
 * it, but for no longer than one lease of a free seat: a node that does not
 * take over is not waited for again while it is in the list.
 */
export class Succession {
  readonly #deps: Deps
  /** Nodes that did not take over. */
  readonly #passed = new Set<string>()
  /** Since when the seat is free for a higher node, on the monotonic scale. */
  #freeSince: number | null = null

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** The node that should lead instead of this one, null when this one may. */
  async heir(): Promise<string | null> {
    const higher = await this.#higher()
    return higher.find((id) => !this.#passed.has(id)) ?? null
  }

  /** Whether this node may try to begin a term now. */
  async mayLead(): Promise<boolean> {
    const { clock, config } = this.#deps
    const heir = await this.heir()
    if (heir === null || !(await this.#seatIsFree())) {
      this.#freeSince = null
      return heir === null
    }
    this.#freeSince ??= clock.monotonic()
    if (clock.monotonic() - this.#freeSince < config.leader.ttl) {
      return false
    }
    this.#freeSince = null
    const higher = await this.#higher()
    higher.forEach((id) => this.#passed.add(id))
    return true
  }

  async #seatIsFree(): Promise<boolean> {
    const { storage, lease } = this.#deps
    const held = await storage.leases.find(lease)
    return held === null || held.expiresAt <= (await this.#now())
  }

  /** Live nodes of higher priority that would lead, highest first. */
  async #higher(): Promise<string[]> {
    const { storage, config, nodeId } = this.#deps
    const all = await storage.nodes.list()
    const nodes = all.filter(({ id }) => id !== nodeId)
    const higher = nodes.filter((node) => priorityOf(node) > config.leaderPriority)
    const present = new Set(nodes.map(({ id }) => id))
    this.#passed.forEach((id) => present.has(id) || this.#passed.delete(id))
    if (higher.length === 0) {
      return []
    }
    const now = await this.#now()
    return higher
      .filter(({ seenAt }) => seenAt + config.lease.ttl > now)
      .sort((a, b) => priorityOf(b) - priorityOf(a))
      .map(({ id }) => id)
  }

  async #now(): Promise<number> {
    const { storage, clock } = this.#deps
    return clock.nowOrNull() ?? storage.now()
  }
}

/** A node that does not run the loop shows none, and is nobody's heir. */
function priorityOf({ info }: NodeRecord): number {
  const priority = info[PRIORITY]
  return typeof priority === 'number' ? priority : Number.NEGATIVE_INFINITY
}
