import type { Histogram } from '../../histogram.ts'
import type { ExecutionLogEntry, Outcome } from '../../types/executions.ts'
import type { JournalEntry, NewJournalEntry } from '../../types/journal.ts'
import type { JsonObject } from '../../types/json.ts'
import type { Now } from './now.ts'

export interface LeaseRecord {
  name: string
  owner: string
  /** Rises with each change of owner: one leader's lease period. */
  term: number
  expiresAt: number
}

export interface LeaseStore {
  /** @returns the lease when it was free, lapsed, or already ours; null when another holds it */
  acquire(params: {
    now: Now
    name: string
    owner: string
    ttl: number
  }): Promise<LeaseRecord | null>
  /** @returns false when the term is no longer ours */
  renew(params: {
    now: Now
    name: string
    owner: string
    term: number
    ttl: number
  }): Promise<boolean>
  release(params: { now: Now; name: string; owner: string; term: number }): Promise<boolean>
  find(name: string): Promise<LeaseRecord | null>
}

export interface NodeRecord {
  /** `<node>.<boot>` */
  id: string
  name: string
  host: string
  pid: number
  startedAt: number
  seenAt: number
  info: JsonObject
}

export interface NodeStore {
  /** @returns true when the node was not there before */
  beat(params: { now: Now; node: Omit<NodeRecord, 'startedAt' | 'seenAt'> }): Promise<boolean>
  list(): Promise<NodeRecord[]>
  /**
   * @param params.seenAt removes it only while it was last seen then
   * @returns whether it was removed
   */
  remove(params: { id: string; seenAt?: number }): Promise<boolean>
}

/** Totals of one UTC day, handler, event, outcome, subject and node. */
export interface StatsRow {
  /** `yyyy-MM-dd`, UTC */
  day: string
  handler: string
  eventId: string | null
  outcome: Outcome
  subject: string | null
  /** Name of the node that ran it, without its boot; null when none did. */
  node: string | null
  count: number
  /** Sums and maxima in ms. */
  durationTotal: number
  durationMax: number
  latenessTotal: number
  latenessMax: number
  /** Of those that began. */
  durations: Histogram
  latenesses: Histogram
}

/** Which totals are read; what is left out does not restrict. */
export interface StatsFilter {
  /** First and last day, `yyyy-MM-dd`, UTC, both included. */
  from: string
  to: string
  handler?: string
  eventId?: string
  subject?: string
  outcome?: Outcome
  /** Name of a node. */
  node?: string
}

export interface StatsStore {
  /**
   * Adds at most `limit` ended executions that are not in the totals yet, and
   * marks them, in one transaction. Prune deletes marked rows only, so that
   * the totals never lose a run. @returns how many were added
   */
  rollup(params: { now: Now; limit: number }): Promise<number>
  /**
   * Joins at most `limit` totals that ends have brought along with the day's
   * totals, in one transaction; they counted before as they do after. @returns how many were joined
   */
  fold(params: { limit: number }): Promise<number>
  /** Totals plus what is not rolled up yet. */
  read(params: StatsFilter): Promise<StatsRow[]>
  /** Deletes at most `limit` totals of days that ended more than `age` ms ago, the oldest first. @returns how many */
  prune(params: { now: Now; age: number; limit: number }): Promise<number>
}

export interface LogStore {
  /** Entries of attempts that no longer own their execution are refused. @returns how many were stored */
  append(params: { node: string; entries: ExecutionLogEntry[] }): Promise<number>
  read(params: {
    executionId: string
    after?: { attempt: number; seq: number }
    /** Only entries of these levels. */
    levels?: ExecutionLogEntry['level'][]
    limit?: number
  }): Promise<ExecutionLogEntry[]>
}

export interface JournalStore {
  append(params: { now: Now; entries: NewJournalEntry[] }): Promise<JournalEntry[]>
  /** In order of id. */
  read(params: { after: number; limit: number }): Promise<JournalEntry[]>
  lastId(): Promise<number>
  prune(params: { now: Now; age: number; limit: number }): Promise<number>
}
