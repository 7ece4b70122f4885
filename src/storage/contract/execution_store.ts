import type { ExecutionRecord, ExecutionState } from '../../types/executions.ts'
import type { NewJournalEntry } from '../../types/journal.ts'
import type { JsonObject, JsonValue } from '../../types/json.ts'
import type {
  BackfillResult,
  BirthResult,
  Claimant,
  EnqueueResult,
  ExecutionFilter,
  ExpiredLease,
  Fence,
  NewExecution,
  NextAvailable,
  PruneRule,
  RangeSplit,
  CancelResult,
  SettleResult,
  Settlement,
  SlotRow,
} from './execution_values.ts'
import type { Now } from './now.ts'

export interface ExecutionStore {
  /**
   * Inserts queued executions. `client` is the caller's transaction on the
   * same connection; the insert then lives and dies with it.
   *
   * @throws E_CLIENT_MISMATCH when the transaction belongs to another connection
   */
  enqueue(params: {
    now: Now
    executions: NewExecution[]
    client?: unknown
    journal?: NewJournalEntry
  }): Promise<EnqueueResult[]>

  /**
   * Claims queued executions that are available and have not expired: only of
   * `handlers`, none of `exceptQueues`, at most one per concurrency key, none
   * whose key is held; by priority, then available_at, then id. Each gets
   * attempt + 1, the node and a lease. Nothing of what is paused, and no more of
   * a handler than its limits leave room for, however many claim at the same
   * time. Where they give each key more than one place, as many of a key as it
   * has places; executions of events keep to the first place.
   */
  claim(
    params: {
      now: Now
      limit: number
      handlers: string[]
      queues?: string[]
      exceptQueues?: string[]
    } & Claimant
  ): Promise<ExecutionRecord[]>

  /**
   * Another claimant takes an attempt over that has not begun: the lease is
   * its own from now on, and the attempt begins now. Fenced by node, attempt,
   * and a start that is not stored yet, so that of several takers one gets it,
   * and one that comes after a rescue gets nothing.
   *
   * @returns null when the fence did not hold
   */
  takeOver(params: { now: Now; fence: Fence } & Claimant): Promise<ExecutionRecord | null>

  /**
   * Inserts executions that are running from birth (attempt 1). Conflicts are
   * answered one by one; a pause or a limit of the handler is one, too.
   */
  insertRunning(params: { now: Now; executions: NewExecution[] } & Claimant): Promise<BirthResult[]>

  /**
   * Renews leases. `startedAt` is stored where still null.
   * @returns the fences that still hold, with the cancel requests among them
   */
  renew(
    params: {
      now: Now
      holds: {
        id: string
        attempt: number
        startedAt: number | null
        progress?: JsonObject | null
      }[]
    } & Claimant
  ): Promise<{ owned: Set<string>; cancelRequested: Map<string, string> }>

  /**
   * Ends attempts, each fenced by node and attempt and state running; event counters move along.
   * What waits for one that ended is released or skipped in the same transaction, transitively;
   * so it is at every other end of an execution (`rescueExpired`, `requestCancel`, `expire`).
   * @returns one result per settlement, in their order
   */
  settle(params: { now: Now; settlements: Settlement[] }): Promise<SettleResult[]>

  /** Stores the handler's checkpoint. @returns false when the fence did not hold */
  saveCheckpoint(params: { now: Now; fence: Fence; checkpoint: JsonValue }): Promise<boolean>

  /**
   * A queued execution is cancelled at once, a running one is asked to stop.
   * @returns what was done, and the children that were skipped or released with
   * it; null when it is unknown or already ended
   */
  requestCancel(params: {
    now: Now
    id: string
    reason: string
    journal?: NewJournalEntry
  }): Promise<CancelResult | null>

  /** Which of these run and were asked to stop, with the reason; it takes no lock and writes nothing. */
  cancelRequests(ids: string[]): Promise<Map<string, string>>

  find(id: string): Promise<ExecutionRecord | null>
  /** Open executions by dedupe key; the newest ended one when none is open. */
  findByDedupeKey(key: string): Promise<ExecutionRecord | null>
  list(filter: ExecutionFilter): Promise<ExecutionRecord[]>
  countByState(): Promise<Partial<Record<ExecutionState, number>>>
  /** Queued and available handlers, with their counts: to report what nobody here can run. */
  countQueuedByHandler(): Promise<{ handler: string; count: number }[]>
  /**
   * When one of the queued executions of these handlers that are not paused
   * may begin: at its available_at, or where a rate is used up, when that
   * leaves room again. What was available before the last claim is held back by
   * a key or a limit; it does not hide the instants behind it.
   *
   * @returns null when nothing waits; an instant from before that claim when
   * there is none later: all that waits is held back until something ends
   */
  nextAvailableAt(params: {
    now: Now
    /** ms since the claim began that left what waits now. */
    elapsed: number
    handlers: string[]
    queues?: string[]
    exceptQueues?: string[]
    /** `<node>.<boot>` of who asks. */
    node: string
  }): Promise<NextAvailable | null>

  /**
   * Ends at most `limit` queued executions that have not begun in time, the
   * longest overdue first: missed, reason `expired`. @returns them, then the
   * children that were skipped or released with them
   */
  expire(params: { now: Now; limit: number }): Promise<ExecutionRecord[]>

  listExpired(params: { now: Now; limit: number }): Promise<ExpiredLease[]>
  /**
   * Takes over leases that are lapsed by the database's clock and whose
   * (node, attempt, renewals) are unchanged: back to queued with rescues + 1,
   * or `abandoned` when rescues would pass `maxRescues`. One that was asked to
   * stop ends as `cancelled`.
   */
  rescueExpired(params: { now: Now; expired: ExpiredLease[]; maxRescues: number }): Promise<{
    requeued: string[]
    abandoned: string[]
    cancelled: string[]
    /** Children of those that ended: released (queued) or skipped. */
    children?: ExecutionRecord[]
  }>

  /** The rows that stand for slots of an event within `from`..`to` (inclusive), oldest slot first. */
  listSlots(params: { eventId: string; from: number; to: number }): Promise<SlotRow[]>

  /**
   * Queues slots that were not run, in one transaction: missed rows become
   * queued in place or are split, and `executions` are inserted. The totals
   * give back what they had counted as missed. The event's open missed range
   * goes on with the part that ends where it did, and is closed without one.
   *
   * @returns null when a missed range is no longer the expected one; nothing is written then
   * @throws E_EVENT_NOT_FOUND
   */
  backfill(params: {
    now: Now
    eventId: string
    splits: RangeSplit[]
    executions: NewExecution[]
    journal: NewJournalEntry
  }): Promise<BackfillResult | null>

  /** Deletes at most `limit` ended and rolled-up executions of one rule, with their logs. @returns how many */
  prune(params: { now: Now; rule: PruneRule; limit: number }): Promise<number>
}
