import type { JsonValue } from './json.ts'

export type JournalKind =
  | 'event.created'
  | 'event.updated'
  | 'event.deleted'
  | 'event.paused'
  | 'event.resumed'
  | 'event.cancelled'
  | 'event.completed'
  | 'event.triggered'
  | 'event.skipped'
  | 'event.problem'
  | 'dependencies.changed'
  | 'execution.cancelled'
  | 'execution.redriven'
  | 'slots.missed'
  | 'slots.backfilled'
  | 'leader.acquired'
  | 'leader.lost'
  | 'node.joined'
  | 'node.lost'
  | 'control.paused'
  | 'control.resumed'
  | 'control.limited'
  | 'control.declared'
  | 'source.synced'
  | 'source.problem'

/** A row to append: who did what to which subject. */
export interface NewJournalEntry {
  kind: JournalKind
  /** Who: a user as the caller names it, or the node. */
  actor: string
  /** Id of the event, execution, source or node. */
  subject: string
  before?: JsonValue
  after?: JsonValue
}

export interface JournalEntry extends NewJournalEntry {
  /** Rises without gaps in commit order. */
  id: number
  at: number
}
