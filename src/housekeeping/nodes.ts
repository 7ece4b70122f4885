import { hostname } from 'node:os'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { NodeRecord, Storage } from '../storage/contract.ts'
import { toIso } from '../triggers/instant.ts'
import type { CoreConfig } from '../types/config.ts'
import type { JournalKind, NewJournalEntry } from '../types/journal.ts'
import type { JsonObject } from '../types/json.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'
import { ClockSkew } from './clock_skew.ts'
import { Sightings } from './sightings.ts'

interface Deps {
  storage: Storage
  notifier: Notifier
  clock: Clock
  logger: Logger
  counters: Counters
  config: Pick<
    CoreConfig,
    'node' | 'lease' | 'concurrency' | 'queues' | 'queuePlaces' | 'leaderPriority' | 'maxClockSkew'
  >
  /** `<node>.<boot>` */
  nodeId: string
  registry: { names(): string[] }
  /** Whether this node runs the loop, and so may lead. */
  mayLead?: () => boolean
  /** What else this node tells of itself. */
  nodeInfo?: () => JsonObject
}

/**
 * The list of live nodes: this one shows itself with each beat, and takes
 * out those that have not for a full lease, by the database's clock and
 * before our own eyes.
 */
export class Nodes {
  readonly #deps: Deps
  readonly #sightings: Sightings
  readonly #skew: ClockSkew
  /** Rows that the journal has not taken yet. */
  readonly #unwritten: NewJournalEntry[] = []

  constructor(deps: Deps) {
    this.#deps = deps
    this.#sightings = new Sightings(deps.clock, deps.config.lease.ttl)
    this.#skew = new ClockSkew(deps)
  }

  /** Shows this node; the first time it joins. */
  async beat(): Promise<void> {
    const { storage, clock, config, nodeId, registry } = this.#deps
    const { concurrency, queues, queuePlaces } = config
    const leaderPriority = this.#deps.mayLead?.() ? config.leaderPriority : null
    const clockSkew = await this.#skew.look()
    const joined = await storage.nodes.beat({
      now: clock.nowOrNull(),
      node: {
        id: nodeId,
        name: config.node,
        host: hostname(),
        pid: process.pid,
        info: {
          ...this.#deps.nodeInfo?.(),
          ...{ concurrency, queues, queuePlaces, handlers: registry.names() },
          ...{ leaderPriority, clockSkew },
        },
      },
    })
    if (joined) {
      this.#note('node.joined', nodeId)
      this.#deps.notifier.emit('node:joined', { node: nodeId, at: toIso(clock.now()) })
    }
    await this.#writeJournal()
  }

  /** Takes this node out of the list: it stops. */
  async leave(): Promise<void> {
    await this.#deps.storage.nodes.remove({ id: this.#deps.nodeId })
  }

  /** Takes dead nodes out of the list. @returns how many */
  async runOnce(): Promise<number> {
    const { storage, clock, config, nodeId } = this.#deps
    const began = clock.monotonic()
    const now = clock.nowOrNull() ?? (await storage.now())
    const nodes = await storage.nodes.list()
    const silent = nodes.filter(
      ({ id, seenAt }) => id !== nodeId && seenAt + config.lease.ttl <= now
    )
    const dead = this.#sightings.look(silent, began, ({ id, seenAt }) => ({
      key: id,
      mark: String(seenAt),
    }))
    let removed = 0
    for (const node of dead) {
      removed += await this.#remove(node)
    }
    return removed
  }

  async #remove({ id, seenAt }: NodeRecord): Promise<number> {
    const { storage, notifier, clock, logger, counters } = this.#deps
    // Of several nodes that see it, the one that takes it out says so; one that came back stays
    if (!(await storage.nodes.remove({ id, seenAt }))) {
      return 0
    }
    counters.increment('nodes.lost')
    logger.warn({ node: id, seenAt: toIso(seenAt) }, `Node ${id} is gone`)
    this.#note('node.lost', id)
    notifier.emit('node:lost', { node: id, at: toIso(clock.now()) })
    await this.#writeJournal()
    return 1
  }

  #note(kind: JournalKind, subject: string): void {
    this.#unwritten.push({ kind, actor: this.#deps.nodeId, subject })
  }

  /** What the store does not take now is written with the next beat. */
  async #writeJournal(): Promise<void> {
    const { storage, clock } = this.#deps
    const entries = this.#unwritten.splice(0)
    if (entries.length === 0) {
      return
    }
    try {
      await storage.journal.append({ now: clock.nowOrNull(), entries })
    } catch (error) {
      this.#unwritten.unshift(...entries)
      throw error
    }
  }
}
