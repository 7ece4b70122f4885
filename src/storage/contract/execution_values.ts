import type {
  ExecutionError,
  ExecutionOrigin,
  ExecutionRecord,
  ExecutionState,
  Outcome,
} from '../../types/executions.ts'
import type { JsonObject, JsonValue } from '../../types/json.ts'
import type { NewParent } from './workflow_store.ts'

export interface NewExecution {
  id: string
  eventId: string | null
  handler: string
  queue: string
  origin: ExecutionOrigin
  payload: JsonValue
  /** Default null. */
  meta?: JsonObject | null
  /** Default null. */
  subject?: string | null
  priority: number
  slot: number | null
  slotKey: string | null
  rerunOf: string | null
  dedupeKey: string | null
  concurrencyKey: string | null
  /** null = now, or `delay` ms from it */
  availableAt: number | null
  /** ms from the store's now; counts where availableAt is null. */
  delay?: number
  timeout: number | null
  retries: number | null
  /** Ends as missed when it has not begun so many ms after it became available. Default null: never. */
  expiresIn?: number | null
  /** What becomes of the open execution that holds the dedupe key. Default `skip`. */
  onDuplicate?: DuplicateMode
  /** The run of a workflow that it belongs to. Default null. */
  workflowId?: string | null
  /** It waits in the queue until all of these have ended as asked; without one it waits for nobody. */
  parents?: NewParent[]
  /**
   * Inserted with it, in the same transaction, and only when it goes in
   * itself: parents before their children, none with children of its own.
   */
  children?: NewExecution[]
}

/**
 * - skip: it stays as it is
 * - replace: while it has not begun, it takes the new payload and options
 * - extend: while it has not begun, it waits as long as the new one would
 */
export type DuplicateMode = 'skip' | 'replace' | 'extend'

/** Who claims, and for how long the lease holds (ms). */
export interface Claimant {
  /** `<node>.<boot>` */
  node: string
  lease: number
}

/** When something may begin, by the clock that said `now`. */
export interface NextAvailable {
  now: number
  next: number
}

export interface EnqueueResult {
  id: string
  /** False when an open execution holds the dedupe key: `id` is then that one's. */
  inserted: boolean
  /** What became of the execution that holds the dedupe key; left out when it stayed as it is. */
  change?: 'replaced' | 'extended'
  /** One that held the dedupe key and had not begun in time: it ended as missed. */
  expired?: ExecutionRecord
}

export type BirthResult =
  | { inserted: true; execution: ExecutionRecord }
  | { inserted: false; id: string; conflict: 'dedupe' | 'concurrency' }
  /** A pause or a limit stands against it. */
  | { inserted: false; id: null; conflict: 'stopped' }

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
  /** Of the execution, where it is known: without an event, no counters move. */
  eventId?: string | null
  /** Of the execution, where they are known: a store may bring many ends that share them into the totals at once. */
  handler?: string
  subject?: string | null
  /** When the handler really began; null when it did not. */
  startedAt: number | null
  /** Delay in ms from the database's now, for retry and release. */
  delay?: number
  result?: JsonValue
  /** Where the result lies that is too large for the store. */
  resultRef?: string | null
  error?: ExecutionError | null
  reason?: string | null
  progress?: JsonObject | null
}

export interface CancelResult {
  done: 'cancelled' | 'requested'
  /** Children that a cancel in the queue has released (queued) or skipped, with those that were skipped after them. */
  children: ExecutionRecord[]
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
  /** Children that this end has released (queued) or skipped, with those that were skipped after them. */
  children?: ExecutionRecord[]
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
  /** All but those of this origin. */
  exceptOrigin?: ExecutionOrigin
  subject?: string
  /** Name of a node, or `<node>.<boot>`: the one that ran the last attempt. */
  node?: string
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

/** Slots of one series: the first, the last, and how many they are. Epoch ms. */
export interface SlotSpan {
  first: number
  last: number
  count: number
}

/** What a row tells of the slots of its event: a run of one, or a missed range. */
export type SlotRow = Pick<
  ExecutionRecord,
  'id' | 'state' | 'slot' | 'slotLast' | 'slotCount' | 'slotKey' | 'rerunOf'
> & { slot: number; slotLast: number }

/**
 * What becomes of a missed range some of whose slots are run after all. The
 * row itself either stays as the shorter range `keep`, or becomes `execution`,
 * which has the row's id; `parts` are the ranges that are left behind it.
 */
export type RangeSplit = {
  id: string
  /** The range as it was read: where it is another one now, nothing at all is written. */
  expected: SlotSpan
  parts: (SlotSpan & { id: string })[]
} & ({ keep: SlotSpan; execution: null } | { keep: null; execution: NewExecution })

export interface BackfillResult {
  /** Ids of the missed rows that became queued in place. */
  requeued: string[]
  /** Ids of the executions that were inserted: a slot key or dedupe key that is taken is left out. */
  inserted: string[]
}
