import type { NodeRecord } from '../storage/contract.ts'
import { bootPrefix, isSessionOf, nodeNameOf, parseClaim, type Claim } from './claims.ts'

/** The part of the scheduler that knows the nodes. */
export interface NodeRegistry {
  readonly nodeId: string
  nodes(): Promise<NodeRecord[]>
}

/** How a CLAIMED_BY stands to this installation. */
export type Owner = 'foreign' | 'this boot' | 'live' | 'dead'

/**
 * The nodes of this installation: those in the registry, and those that this
 * process has seen there. A boot counts as dead when the registry no longer
 * has it, which housekeeping decides by the database's clock and its own.
 */
export class KnownNodes {
  readonly #registry: NodeRegistry
  readonly #names = new Set<string>()
  readonly #own: string
  #live = new Set<string>()

  constructor(registry: NodeRegistry) {
    this.#registry = registry
    this.#own = bootPrefix(registry.nodeId)
    this.#names.add(nodeNameOf(registry.nodeId).name)
  }

  /** Names that begin a CLAIMED_BY of ours. */
  get names(): string[] {
    return [...this.#names]
  }

  /** Reads the registry again. */
  async refresh(): Promise<void> {
    const nodes = await this.#registry.nodes()
    this.#live = new Set(nodes.map(({ id }) => bootPrefix(id)))
    for (const { id } of nodes) {
      this.#names.add(nodeNameOf(id).name)
    }
  }

  /** Forgets the names of nodes that are gone and have left nothing behind. */
  forget(hasLeft: (name: string) => boolean): void {
    const live = new Set([...this.#live].map((prefix) => nodeNameOf(prefix.slice(0, -1)).name))
    const { name: own } = nodeNameOf(this.#registry.nodeId)
    for (const name of this.#names) {
      if (name !== own && !live.has(name) && !hasLeft(name)) {
        this.#names.delete(name)
      }
    }
  }

  ownerOf(claimedBy: string): Owner {
    const claim = parseClaim(claimedBy)
    if (!claim || !this.#names.has(claim.name)) {
      return 'foreign'
    }
    const prefix = prefixOf(claim)
    if (prefix === this.#own) {
      return 'this boot'
    }
    return this.#live.has(prefix) ? 'live' : 'dead'
  }

  /** Whether a run in progress was begun by one of our nodes, dead or alive. */
  hasSession(sessionId: number | null): boolean {
    return this.names.some((name) => isSessionOf(sessionId, name))
  }
}

function prefixOf({ name, boot }: Claim): string {
  return `${name}.${boot}.`
}
