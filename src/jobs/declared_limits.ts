import type { Clock } from '../clock.ts'
import type { Storage } from '../storage/contract.ts'
import type { ControlRecord } from '../types/controls.ts'
import type { HandlerRegistry } from './handler_registry.ts'

interface Deps {
  storage: Storage
  registry: HandlerRegistry
  clock: Clock
  nodeId: string
  config: { lease: { renew: number } }
}

/**
 * Brings the limits that handlers declare into the store before this process
 * claims, and remembers what is stored: which only saves vain looks, since
 * the store itself decides what may be claimed.
 */
export class DeclaredLimits {
  readonly #deps: Deps
  #declared: string[] | null = null
  #controls: ControlRecord[] = []
  #limited: ReadonlySet<string> = new Set()
  #readAt = Number.NEGATIVE_INFINITY

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Declares what is registered here and not declared yet; looks at the controls once a beat. */
  async refresh(): Promise<void> {
    const { storage, registry, clock, config } = this.#deps
    const names = registry.names()
    if (this.#declared !== names) {
      await this.#declare(names)
      this.#declared = names
    } else if (clock.monotonic() - this.#readAt < config.lease.renew) {
      return
    }
    this.#controls = await storage.controls.list()
    this.#limited = new Set(
      this.#controls
        .filter(
          ({ scope, limits, declared }) => scope === 'handler' && (limits ?? declared) !== null
        )
        .map(({ name }) => name)
        .filter((name) => registry.has(name))
    )
    this.#readAt = clock.monotonic()
  }

  /** The next look reads the controls anew. */
  forget(): void {
    this.#readAt = Number.NEGATIVE_INFINITY
  }

  /** Whether this node is paused, as of the last beat: it need not look for work. */
  async isStopped(): Promise<boolean> {
    await this.refresh()
    const { nodeId } = this.#deps
    const node = nodeId.slice(0, nodeId.lastIndexOf('.'))
    return this.#controls.some(
      ({ scope, name, pausedAt }) =>
        pausedAt !== null && (scope === 'all' || (scope === 'node' && name === node))
    )
  }

  /** The handlers of this process that are limited, as of the last beat. */
  get limited(): ReadonlySet<string> {
    return this.#limited
  }

  async #declare(names: string[]): Promise<void> {
    const { storage, registry, clock, nodeId } = this.#deps
    const changes = names.map((name) => {
      const { limits } = registry.get(name)
      return { scope: 'handler' as const, name, change: { kind: 'declare' as const, limits } }
    })
    await storage.controls.change({ now: clock.nowOrNull(), changes, by: nodeId })
  }
}
