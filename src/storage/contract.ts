import type { JsonObject, JsonValue } from '../types/json.ts'
import type { EventFilter, EventRecord, EventStatus } from '../types/events.ts'
import type {
  ExecutionError,
  ExecutionLogEntry,
  ExecutionOrigin,
  ExecutionRecord,
  ExecutionState,
  Outcome,
} from '../types/executions.ts'
import type { JournalEntry, NewJournalEntry } from '../types/journal.ts'

/**
 * The port to the store. Each call is one atomic transition; the exported
 * storage suite (adonisjs-almanac/testing) states what each must do and runs
 * over every implementation.
 *
 * `now` is null in production: the database's clock decides. Tests pass the
 * manual clock's instant. All instants are epoch ms (UTC).
 */
export interface Storage {
  readonly events: EventStore
  readonly executions: ExecutionStore
  readonly leases: LeaseStore
  readonly nodes: NodeStore
  readonly stats: StatsStore
  readonly logs: LogStore
  readonly journal: JournalStore

  /** The database's clock, epoch ms. */
  now(): Promise<number>
  /** The schema version found in the store; 0 when there is none. */
  schemaVersion(): Promise<number>
  close(): Promise<void>
}

export type Now = number | null

// ---------------------------------------------------------------- events

/** The columns a caller sets; counters and state belong to the store. */
export type NewEvent = Omit<
  EventRecord,
  | 'lastSlot'
  | 'openMissedId'
  | 'openMissedReason'
  | 'lastRunAt'
  | 'lastOutcome'
  | 'runCount'
  | 'failureCount'
  | 'consecutiveFailures'
  | 'createdAt'
  | 'updatedAt'
  | 'completedAt'
  | 'cancelledAt'
  | 'version'
>

export type EventPatch = Partial<
  Omit<EventRecord, 'id' | 'source' | 'sourceKey' | 'createdAt' | 'updatedAt' | 'version'>
>

/** An event that is due, with what is open of it. */
export interface DueEvent extends EventRecord {
  openQueued: number
  openRunning: number
}

/** A range of slots that is not run: one `missed` execution. */
export interface MissedRange {
  /** Id for the row, used when it does not extend the event's open range. */
  id: string
  first: number
  last: number
  count: number
  reason: string
}

/**
 * What one tick decided for one event. Applied only when next_run_at still
 * is `expectedNextRunAt` and the event is active.
 */
export interface Firing {
  eventId: string
  expectedNextRunAt: number
  nextRunAt: number | null
  /** Executions to insert, oldest slot first. */
  executions: NewExecution[]
  /** In order of their slots. The first extends the open missed range when it directly continues it with the same reason. */
  missed: MissedRange[]
  /** True when the first missed range continues the event's open one. */
  extendsOpenMissed: boolean
  /** True when no fired slot follows the last missed range, so that the next may extend it. */
  leavesMissedOpen: boolean
  lastSlot: number
}

export interface FireResult {
  /** Executions inserted. */
  fired: ExecutionRecord[]
  /** Rows of missed ranges, inserted or extended. */
  missed: ExecutionRecord[]
  /** Events that another tick or an edit had already moved. */
  stale: string[]
  /** Events that this firing completed. */
  completed: string[]
}

export interface SourceDefinition extends NewEvent {
  sourceHash: string
  /**
   * The existing event that this definition was planned against. Without it
   * the event must be new or have the same hash, else E_EVENT_CONFLICT.
   */
  planned?: PlannedChange
}

/**
 * What the change of a definition leads to for an event that exists. The
 * whole sync fails with E_EVENT_CONFLICT when the event has moved since, by a
 * tick or an edit: the caller reads and plans again.
 */
export interface PlannedChange {
  id: string
  expectedVersion: number
  expectedNextRunAt: number | null
  /** Written whatever the hash says; without it only a changed hash is written. */
  force: boolean
  /** Slots that were due under the old definition, inserted in the same transaction. */
  executions: NewExecution[]
  missed: MissedRange[]
}

export interface SyncResult {
  added: EventRecord[]
  changed: { before: EventRecord; after: EventRecord }[]
  removed: EventRecord[]
  unchanged: number
}

export interface EventStore {
  /**
   * @throws E_EVENT_EXISTS when (source, sourceKey) or (source, name) is taken
   */
  insert(params: { now: Now; event: NewEvent; journal?: NewJournalEntry }): Promise<EventRecord>

  /**
   * Changes an event whose version still is `expectedVersion`; the version
   * rises. `executions` are inserted in the same transaction (slots that were
   * due under the old definition; an existing slot_key counts as fired), and so
   * are `missed` ranges. `expectedNextRunAt`, when given, must still hold too:
   * a tick moves next_run_at and not the version.
   *
   * @returns the new record
   * @throws E_EVENT_NOT_FOUND, E_EVENT_CONFLICT
   */
  update(params: {
    now: Now
    id: string
    expectedVersion: number
    expectedNextRunAt?: number | null
    patch: EventPatch
    executions?: NewExecution[]
    missed?: MissedRange[]
    journal?: NewJournalEntry[]
  }): Promise<EventRecord>

  /** Deletes the event and keeps its executions. @returns the last record, null when unknown */
  delete(params: { now: Now; id: string; journal?: NewJournalEntry }): Promise<EventRecord | null>

  find(id: string): Promise<EventRecord | null>
  findBy(params: { source: string; name?: string; sourceKey?: string }): Promise<EventRecord | null>
  /** Ordered by name, then id. */
  list(filter: EventFilter): Promise<EventRecord[]>
  countByStatus(): Promise<Record<EventStatus, number>>

  /** Active events with next_run_at <= now, oldest first, and the instant used. */
  listDue(params: { now: Now; limit: number }): Promise<{ now: number; events: DueEvent[] }>
  /** The earliest next_run_at of an active event, of those later than `after` when given. */
  nextDueAt(params?: { after?: number }): Promise<number | null>

  /**
   * One transaction for all: per event a compare-and-set of next_run_at, and
   * only where it hit, the inserts. An existing slot_key counts as fired.
   * maxRuns is kept by the caller; an event whose nextRunAt becomes null is completed.
   * Journal entries whose subject is an event that was stale are left out.
   */
  fire(params: { now: Now; firings: Firing[]; journal?: NewJournalEntry[] }): Promise<FireResult>

  /**
   * Brings the set of one source in step by hash, in one transaction:
   * an event paused or cancelled by hand keeps its status; a definition that
   * is gone from the set is deleted (`missing: 'delete'`) or paused by the source.
   * Events whose hash is unchanged are not written, unless `planned.force` says so.
   * Journal entries whose subject is neither the source nor a written event are left out.
   * An event that `missing: 'pause'` paused loses nothing: its definition coming back resumes it (force).
   */
  syncSource(params: {
    now: Now
    source: string
    definitions: SourceDefinition[]
    missing: 'delete' | 'pause'
    journal?: NewJournalEntry[]
  }): Promise<SyncResult>
}

// ------------------------------------------------------------ executions

export interface NewExecution {
  id: string
  eventId: string | null
  handler: string
  queue: string
  origin: ExecutionOrigin
  payload: JsonValue
  priority: number
  slot: number | null
  slotKey: string | null
  rerunOf: string | null
  dedupeKey: string | null
  concurrencyKey: string | null
  /** null = now */
  availableAt: number | null
  timeout: number | null
  retries: number | null
}

/** Who claims, and for how long the lease holds (ms). */
export interface Claimant {
  /** `<node>.<boot>` */
  node: string
  lease: number
}

export interface EnqueueResult {
  id: string
  /** False when an open execution holds the dedupe key: `id` is then that one's. */
  inserted: boolean
}

export type BirthResult =
  | { inserted: true; execution: ExecutionRecord }
  | { inserted: false; id: string; conflict: 'dedupe' | 'concurrency' }

/** Which attempt of which execution a holder speaks for. */
export interface Fence {
  id: string
  node: string
  attempt: number
}

/**
 * How an attempt ends.
 *
 * - an outcome ends the execution; `missed` is a slot that another installation ran
 * - `retry`: back to queued at `availableAt`; failures rises
 * - `release`: back to queued at `availableAt` (or at once); counts nowhere
 * - `discard`: the row is deleted: it was claimed at birth and its request is handed back where it came from
 */
export interface Settlement extends Fence {
  to: Exclude<Outcome, 'skipped'> | 'retry' | 'release' | 'discard'
  /** When the handler really began; null when it did not. */
  startedAt: number | null
  /** Delay in ms from the database's now, for retry and release. */
  delay?: number
  result?: JsonValue
  error?: ExecutionError | null
  reason?: string | null
  progress?: JsonObject | null
}

export interface SettleResult {
  id: string
  /** False: the fence did not hold, nothing was written. */
  applied: boolean
  /**
   * What was stored, null when nothing was. A retry or release of an execution
   * that was asked to stop is stored as `cancelled`: it would be forgotten in the queue.
   */
  to: Settlement['to'] | null
}

export interface ExecutionFilter {
  eventId?: string
  handler?: string
  states?: ExecutionState[]
  queue?: string
  /** createdAt >= from */
  from?: number
  /** createdAt < to */
  to?: number
  concurrencyKey?: string
  dedupeKey?: string
  limit?: number
  /** Id of the last execution of the page before; pages run newest first. */
  before?: string
}

/** A lease that the database's clock calls lapsed; the rescuer must have seen it unchanged for a full lease. */
export interface ExpiredLease extends Fence {
  renewals: number
  leaseExpiresAt: number
  rescues: number
  handler: string
}

export interface PruneRule {
  outcome: Outcome
  /** Restricts the rule; null = all that no narrower rule in `except*` covers. */
  handler: string | null
  eventId: string | null
  /** Delete what ended more than this many ms ago; null = no bound by age. */
  age: number | null
  /** Keep the newest so many per event (per handler where there is no event); null = no bound. */
  count: number | null
  exceptHandlers?: string[]
  exceptEvents?: string[]
}

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
   * Claims queued executions that are available: only of `handlers`, at most
   * one per concurrency key, none whose key is held; by priority, then
   * available_at, then id. Each gets attempt + 1, the node and a lease.
   */
  claim(
    params: { now: Now; limit: number; handlers: string[]; queues?: string[] } & Claimant
  ): Promise<ExecutionRecord[]>

  /** Inserts executions that are running from birth (attempt 1). Conflicts are answered one by one. */
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

  /** Ends attempts, each fenced by node and attempt and state running; event counters move along. */
  settle(params: { now: Now; settlements: Settlement[] }): Promise<SettleResult[]>

  /** Stores the handler's checkpoint. @returns false when the fence did not hold */
  saveCheckpoint(params: { now: Now; fence: Fence; checkpoint: JsonValue }): Promise<boolean>

  /**
   * A queued execution is cancelled at once, a running one is asked to stop.
   * @returns what was done; null when it is unknown or already ended
   */
  requestCancel(params: {
    now: Now
    id: string
    reason: string
    journal?: NewJournalEntry
  }): Promise<'cancelled' | 'requested' | null>

  find(id: string): Promise<ExecutionRecord | null>
  /** Open executions by dedupe key; the newest ended one when none is open. */
  findByDedupeKey(key: string): Promise<ExecutionRecord | null>
  list(filter: ExecutionFilter): Promise<ExecutionRecord[]>
  countByState(): Promise<Partial<Record<ExecutionState, number>>>
  /** Queued and available handlers, with their counts: to report what nobody here can run. */
  countQueuedByHandler(): Promise<{ handler: string; count: number }[]>
  /** The earliest available_at of a queued execution of these handlers. */
  nextAvailableAt(params: { handlers: string[]; queues?: string[] }): Promise<number | null>

  listExpired(params: { now: Now; limit: number }): Promise<ExpiredLease[]>
  /**
   * Takes over leases that are lapsed by the database's clock and whose
   * (node, attempt, renewals) are unchanged: back to queued with rescues + 1,
   * or `abandoned` when rescues would pass `maxRescues`. One that was asked to
   * stop ends as `cancelled`.
   */
  rescueExpired(params: {
    now: Now
    expired: ExpiredLease[]
    maxRescues: number
  }): Promise<{ requeued: string[]; abandoned: string[]; cancelled: string[] }>

  /** Deletes at most `limit` ended and rolled-up executions of one rule, with their logs. @returns how many */
  prune(params: { now: Now; rule: PruneRule; limit: number }): Promise<number>
}

// ------------------------------------------------- leases, nodes, the rest

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
  remove(params: { id: string }): Promise<boolean>
}

/** Totals of one UTC day, handler, event and outcome. */
export interface StatsRow {
  /** `yyyy-MM-dd`, UTC */
  day: string
  handler: string
  eventId: string | null
  outcome: Outcome
  count: number
  /** Sums and maxima in ms. */
  durationTotal: number
  durationMax: number
  latenessTotal: number
  latenessMax: number
}

export interface StatsStore {
  /**
   * Adds at most `limit` ended executions that are not in the totals yet, and
   * marks them, in one transaction. Prune deletes marked rows only, so that
   * the totals never lose a run. @returns how many were added
   */
  rollup(params: { now: Now; limit: number }): Promise<number>
  /** Days `from`..`to` inclusive (`yyyy-MM-dd`, UTC): totals plus what is not rolled up yet. */
  read(params: {
    from: string
    to: string
    handler?: string
    eventId?: string
  }): Promise<StatsRow[]>
}

export interface LogStore {
  /** Entries of attempts that no longer own their execution are refused. @returns how many were stored */
  append(params: { node: string; entries: ExecutionLogEntry[] }): Promise<number>
  read(params: {
    executionId: string
    after?: { attempt: number; seq: number }
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

/** The schema version that this code needs. */
export const SCHEMA_VERSION = 1
