import type { Outcome } from './executions.ts'
import type { JsonValue } from './json.ts'

export const PARENT_CONDITIONS = ['success', 'failure', 'any'] as const

/**
 * How a parent must end for its child to run.
 *
 * - `success`: succeeded
 * - `failure`: failed for good, timed out or abandoned
 * - `any`: ended, however it did, also cancelled, missed or skipped
 */
export type ParentCondition = (typeof PARENT_CONDITIONS)[number]

/** An event that runs after another one. Instants are epoch ms (UTC). */
export interface DependencyRecord {
  childId: string
  parentId: string
  on: ParentCondition
  /** The definition of the child says so (`after`), not a call of `dependOn`. */
  declared: boolean
  createdAt: number
}

/** What an execution waits for, and how that ended. */
export interface ParentLink {
  /** The execution that waits. */
  childId: string
  /** The execution that it waits for; null while that is still to come. */
  parentId: string | null
  /** The event of the parent; null in a workflow without stored events. */
  parentEventId: string | null
  /** What the handler finds the parent by, in `context.parents`. */
  name: string
  on: ParentCondition
  /** null while it has not ended. */
  endedAs: Outcome | null
}

/** How a parent ended, as its child's handler sees it. */
export interface ParentEnd {
  executionId: string | null
  outcome: Outcome
  /** What its handler returned; null where it was pruned meanwhile. */
  result: JsonValue
  /** Why it was cancelled, missed or skipped. */
  reason: string | null
}
