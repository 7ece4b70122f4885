import type { EventRecord, EventSort, EventStatus } from '../../types/events.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { NewExecution } from './execution_values.ts'

/** The columns a caller sets; counters and state belong to the store. */
export type NewEvent = Omit<
  EventRecord,
  | OptionalColumn
  | 'lastSlot'
  | 'skippedSlot'
  | 'openMissedId'
  | 'openMissedReason'
  | 'lastRunAt'
  | 'lastOutcome'
  | 'runCount'
  | 'failureCount'
  | 'consecutiveFailures'
  | 'createdAt'
  | 'updatedAt'
  | 'resumedAt'
  | 'completedAt'
  | 'cancelledAt'
  | 'version'
  | 'rowHash'
  | 'problem'
> &
  Partial<Pick<EventRecord, OptionalColumn>>

/** Nothing where a caller says nothing. */
type OptionalColumn = 'profile' | 'meta' | 'subject' | 'tags'

export type EventPatch = Partial<
  Omit<
    EventRecord,
    'id' | 'source' | 'sourceKey' | 'createdAt' | 'updatedAt' | 'version' | 'rowHash'
  >
>

/** An event that is due, with what is open of it. */
export interface DueEvent extends EventRecord {
  openQueued: number
  openRunning: number
  /** Hash of the row as it is, where plain SQL has changed it since Almanac wrote it; else null. */
  foreign: string | null
}

/** What a list of events is narrowed to and ordered by; instants in epoch ms. */
export interface EventQuery {
  statuses?: EventStatus[]
  source?: string
  handler?: string
  subject?: string
  /** Has all of these. */
  tags?: string[]
  /** nextRunAt >= nextFrom */
  nextFrom?: number
  /** nextRunAt < nextTo */
  nextTo?: number
  text?: string
  sort?: EventSort
  order?: 'asc' | 'desc'
  limit?: number
  /** Where the page before ended: the value it is sorted by, and the id. */
  after?: EventPosition
}

export interface EventPosition {
  value: string | number | null
  id: string
}

/** A row that plain SQL has changed, or that no version before had a hash of. */
export interface ForeignRow {
  event: EventRecord
  /** Hash of the row as it is now. */
  found: string
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
