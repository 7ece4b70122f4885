import { toIso } from '../triggers/instant.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { JournalKind, NewJournalEntry } from '../types/journal.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'

interface Deps {
  storage: Storage
  notifier: Notifier
  clock: Clock
  logger: Logger
  config: Pick<CoreConfig, 'leader'>
  nodeId: string
  counters: Counters
}

interface Term {
  number: number
  /** On the monotonic scale of this process. */
  trustedUntil: number
}

/** Why a term ended. */
export type LostReason = 'lapsed' | 'taken' | 'resigned' | 'yielded'

export const LEADER_LEASE = 'leader'

/**
 * Leadership of one node: a lease in the store, held for one term at a time.
 *
 *     not leader --acquire--> leader --renew--> leader
 *          ^                    |
 *          +---- lapsed: no renewal within the lease
 *          +---- taken: the store gave the lease to another
 *          +---- resigned: this node stopped
 *          +---- yielded: a node of higher priority is there
 *
 * The database's clock decides who holds the lease. This process only stops
 * trusting its own term sooner: `trustedUntil` is measured on the monotonic
 * clock from before the renewal was sent, so a slow answer, a clock step or a
 * frozen process can only shorten it. Each change of owner gives a new term,
 * and renewals and resignations name theirs, so that a late one cannot touch
 * a successor's.
 *
 * Leadership saves work and nothing more: two leaders at once, or one that
 * wakes up after its term, fire no slot twice, because firing is a
 * compare-and-set in the store.
 */
export class Leader {
  readonly #deps: Deps
  #term: Term | null = null
  /** Rows that the store has not taken yet. */
  #unwritten: NewJournalEntry[] = []

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** The term that is held and trusted, null when there is none. */
  get term(): number | null {
    return this.trusted() ? this.#term!.number : null
  }

  /** Whether this node may act as the leader at this moment. */
  trusted(): boolean {
    if (this.#term && this.#deps.clock.monotonic() >= this.#term.trustedUntil) {
      this.#lose(this.#term, 'lapsed')
    }
    return this.#term !== null
  }

  /**
   * Renews the term, or tries to begin one where `mayLead` allows it.
   *
   * @returns whether this node leads
   */
  async keep(mayLead: () => Promise<boolean> = async () => true): Promise<boolean> {
    const kept = this.trusted() && (await this.renew())
    return kept || ((await mayLead()) && this.acquire())
  }

  /** @returns false when another node holds the lease */
  async acquire(): Promise<boolean> {
    const { storage, clock, config, nodeId } = this.#deps
    const before = clock.monotonic()
    const lease = await storage.leases.acquire({
      now: clock.nowOrNull(),
      name: LEADER_LEASE,
      owner: nodeId,
      ttl: config.leader.ttl,
    })
    if (lease) {
      const begun = this.#term?.number !== lease.term
      this.#term = { number: lease.term, trustedUntil: before + config.leader.ttl }
      if (begun) {
        this.#gain(lease.term)
      }
    }
    await this.#writeJournal()
    return lease !== null && this.trusted()
  }

  /** @returns false when the term is over */
  async renew(): Promise<boolean> {
    const { storage, clock, config, nodeId } = this.#deps
    const term = this.#term
    if (!term) {
      return false
    }
    const before = clock.monotonic()
    const renewed = await storage.leases.renew({
      now: clock.nowOrNull(),
      name: LEADER_LEASE,
      owner: nodeId,
      term: term.number,
      ttl: config.leader.ttl,
    })
    if (renewed) {
      term.trustedUntil = before + config.leader.ttl
    } else {
      this.#lose(term, 'taken')
    }
    await this.#writeJournal()
    return this.trusted()
  }

  /** Gives the term back, so that another node need not wait for its end. */
  async resign(reason: LostReason = 'resigned'): Promise<void> {
    const { storage, clock, nodeId } = this.#deps
    const term = this.#term
    if (!term) {
      return
    }
    this.#lose(term, reason)
    const { number } = term
    const lease = { now: clock.nowOrNull(), name: LEADER_LEASE, owner: nodeId, term: number }
    await storage.leases.release(lease)
    await this.#writeJournal()
  }

  #gain(term: number): void {
    const { notifier, clock, nodeId, logger } = this.#deps
    logger.info({ node: nodeId, term }, 'This node leads')
    this.#note('leader.acquired', { term })
    notifier.emit('leader:acquired', { node: nodeId, term, at: toIso(clock.now()) })
  }

  #lose(term: Term, reason: LostReason): void {
    const { notifier, clock, nodeId, logger } = this.#deps
    if (this.#term !== term) {
      return
    }
    this.#term = null
    logger.info({ node: nodeId, term: term.number, reason }, 'This node no longer leads')
    this.#note('leader.lost', { term: term.number, reason })
    const at = toIso(clock.now())
    notifier.emit('leader:lost', { node: nodeId, term: term.number, reason, at })
  }

  #note(kind: JournalKind, after: { term: number; reason?: string }): void {
    const { nodeId } = this.#deps
    this.#unwritten.push({ kind, actor: nodeId, subject: nodeId, after })
  }

  /** A row that cannot be written now is written with the next: a term never hangs on it. */
  async #writeJournal(): Promise<void> {
    const { storage, clock, logger, counters } = this.#deps
    const entries = this.#unwritten
    if (entries.length === 0) {
      return
    }
    this.#unwritten = []
    try {
      await storage.journal.append({ now: clock.nowOrNull(), entries })
    } catch (error) {
      this.#unwritten.unshift(...entries)
      counters.increment('journal.delayed')
      logger.warn({ err: error }, 'Leader changes are not in the journal yet; trying again')
    }
  }
}
