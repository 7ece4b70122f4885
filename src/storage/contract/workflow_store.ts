import type { EventRecord } from '../../types/events.ts'
import type { ExecutionRecord, Outcome } from '../../types/executions.ts'
import type { NewJournalEntry } from '../../types/journal.ts'
import type {
  DependencyRecord,
  ParentCondition,
  ParentEnd,
  ParentLink,
} from '../../types/workflows.ts'
import type { Now } from './now.ts'

/** An event that another one is to run after. */
export interface NewDependency {
  parentId: string
  on: ParentCondition
}

/** A parent of an execution that is inserted. */
export interface NewParent {
  /** null: the next execution of the event, in whichever run of a workflow. */
  parentId: string | null
  parentEventId: string | null
  name: string
  on: ParentCondition
  /** How it has ended already. */
  endedAs?: Outcome | null
}

/** Events downstream of others, and all dependencies of theirs. */
export interface EventGraph {
  events: EventRecord[]
  dependencies: DependencyRecord[]
}

/**
 * What runs after what: dependencies between events, and between the
 * executions that come of them. Executions are released and skipped by the
 * calls that end their parents.
 */
export interface WorkflowStore {
  /**
   * Changes what an event runs after, in one transaction. What is there just
   * so is left alone; a dependency that is removed is no longer waited for.
   *
   * @param params.remove ids of parents
   * @returns the dependencies of the child as they are now; null when nothing changed
   * @throws E_EVENT_NOT_FOUND
   * @throws E_DEPENDENCY_LOOP naming the path
   */
  change(params: {
    now: Now
    childId: string
    set: NewDependency[]
    remove: string[]
    /** Whether the definition says so; marks what is set. */
    declared: boolean
    journal?: NewJournalEntry
  }): Promise<DependencyRecord[] | null>

  /** All dependencies, or those that have one of these events as child or parent. */
  list(params?: { eventIds?: string[] }): Promise<DependencyRecord[]>

  /** The events that run after these, directly or not, with all that those run after. */
  downstream(params: { eventIds: string[] }): Promise<EventGraph>

  /** How the parents of an execution ended, by the names of the links. */
  parentsOf(executionId: string): Promise<Record<string, ParentEnd>>

  /** The executions of a run that wait, or waited, for this one, directly or not, and all their links. */
  descendants(executionId: string): Promise<{ executions: ExecutionRecord[]; links: ParentLink[] }>
}
