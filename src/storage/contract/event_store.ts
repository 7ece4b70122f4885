import type { EventRecord, EventStatus } from '../../types/events.ts'
import type { NewJournalEntry } from '../../types/journal.ts'
import type {
  DueEvent,
  EventPatch,
  EventQuery,
  FireResult,
  Firing,
  ForeignRow,
  MissedRange,
  NewEvent,
  SourceDefinition,
  SyncResult,
} from './event_values.ts'
import type { NewExecution } from './execution_values.ts'
import type { Now } from './now.ts'
import type { NewDependency } from './workflow_store.ts'

export interface EventStore {
  /**
   * @param params.after the events that it runs after, in the same transaction
   * @throws E_EVENT_EXISTS when (source, sourceKey) or (source, name) is taken
   * @throws E_EVENT_NOT_FOUND when a parent is unknown
   */
  insert(params: {
    now: Now
    event: NewEvent
    after?: NewDependency[]
    journal?: NewJournalEntry
  }): Promise<EventRecord>

  /**
   * Changes an event whose version still is `expectedVersion`; the version
   * rises. `executions` are inserted in the same transaction (slots that were
   * due under the old definition; an existing slot_key counts as fired), and so
   * are `missed` ranges. `expectedNextRunAt`, when given, must still hold too:
   * a tick moves next_run_at and not the version.
   *
   * The hash of the row is written anew where it fitted before. `accept` is the
   * hash of the row as plain SQL left it and as this change was planned from:
   * from now on it counts as Almanac's own. It must still fit.
   *
   * @returns the new record
   * @throws E_EVENT_NOT_FOUND, E_EVENT_CONFLICT
   */
  update(params: {
    now: Now
    id: string
    expectedVersion: number
    expectedNextRunAt?: number | null
    accept?: string
    patch: EventPatch
    executions?: NewExecution[]
    missed?: MissedRange[]
    journal?: NewJournalEntry[]
  }): Promise<EventRecord>

  /**
   * Deletes the event and keeps its executions. Its dependencies go with it;
   * what waits for its next execution waits for the others alone.
   *
   * @param params.detach takes it away from the events that run after it; without, such an event stands in the way
   * @returns the last record, null when unknown
   * @throws E_EVENT_HAS_DEPENDENTS
   */
  delete(params: {
    now: Now
    id: string
    detach?: boolean
    journal?: NewJournalEntry
  }): Promise<EventRecord | null>

  find(id: string): Promise<EventRecord | null>
  findBy(params: { source: string; name?: string; sourceKey?: string }): Promise<EventRecord | null>
  /** Ordered by `sort` (default name), then id; events without a next slot last. */
  list(query: EventQuery): Promise<EventRecord[]>
  /**
   * One page of a walk over all events in order of their ids: of the rows after
   * `after`, at most `limit`, those whose hash does not fit. `next` is where
   * the walk goes on, null at its end.
   */
  listForeign(params: {
    after: string | null
    limit: number
  }): Promise<{ rows: ForeignRow[]; next: string | null }>
  /**
   * Writes the hashes of rows that have none yet and still are as they were
   * found; nothing else of them changes. @returns how many
   */
  adopt(rows: { id: string; found: string }[]): Promise<number>
  countByStatus(): Promise<Record<EventStatus, number>>

  /**
   * The earliest next_run_at of an active event, and the database's clock: all
   * that a tick with nothing due asks, in one statement. While everything is
   * paused there is no slot, and nothing is due.
   */
  peek(params: { now: Now }): Promise<{ now: number; next: number | null }>
  /**
   * Active events with next_run_at <= now, oldest first, and the instant used;
   * those with a stored problem are left out.
   */
  listDue(params: { now: Now; limit: number }): Promise<{ now: number; events: DueEvent[] }>
  /** The earliest next_run_at of an active event without a problem, of those later than `after` when given. */
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
