import type { Duration } from '../duration.ts'
import type { Instant, JsonObject, JsonValue } from './json.ts'
import type { Outcome } from './executions.ts'
import type { HandlerReference, PayloadOf } from './handlers.ts'
import type { Trigger } from './triggers.ts'
import type { ParentCondition } from './workflows.ts'

export type EventStatus = 'active' | 'paused' | 'completed' | 'cancelled'

/**
 * What happens to slots that were not fired in time.
 *
 * - `once`: one late run for all of them, the newest (default)
 * - `skip`: none is run
 * - `all`: every one is run, at most `cap`, the newest
 * - `latest`: the newest is run when it is at most `grace` ms late
 *
 * A slot counts as late after `grace` ms.
 */
export interface MisfirePolicy {
  policy: 'once' | 'skip' | 'all' | 'latest'
  /** ms */
  grace: number
  cap: number
}

export type MisfireInput =
  MisfirePolicy['policy'] | { policy: MisfirePolicy['policy']; grace?: Duration; cap?: number }

/** What a slot does while an execution of its event is open. */
export type OverlapPolicy = 'wait' | 'skip' | 'allow'

/** What resume does with the slots of the pause. */
export type ResumePolicy = 'skip' | 'misfire'

/** Who paused an event: a pause by hand survives every sync of its source. */
export type StatusAuthor = 'user' | 'source'

/**
 * A stored definition of what runs and when. Instants are epoch ms (UTC).
 */
export interface EventRecord {
  id: string
  /** Unique within its source. */
  name: string
  /** `api` (created at run time), `code`, `api:<name>` (pulled), or `legacy:<name>`. */
  source: string
  /** The key in the source; unique together with it. */
  sourceKey: string
  /** Hash of the definition at the source, null for `api`. */
  sourceHash: string | null
  handler: string
  /** Laid over the profile's payload, where the event names a profile. */
  payload: JsonValue
  /** Name of a payload in `profiles` of config/almanac.ts. */
  profile: string | null
  trigger: Trigger
  /** Facts for people and other programs; Almanac only keeps them. */
  meta: JsonObject | null
  /** What the event is about, such as a customer or a table; its executions carry it too. */
  subject: string | null
  /** Sorted, each once. */
  tags: string[]
  status: EventStatus
  statusBy: StatusAuthor
  queue: string | null
  priority: number | null
  misfire: MisfirePolicy
  overlap: OverlapPolicy
  onResume: ResumePolicy
  /** null with overlap `wait` or `skip` means the event itself. */
  concurrencyKey: string | null
  timeout: number | null
  retries: number | null
  maxRuns: number | null

  nextRunAt: number | null
  lastSlot: number | null
  /** The newest slot that was skipped by hand. */
  skippedSlot: number | null
  /** The missed range that the next missed slot extends. */
  openMissedId: string | null
  openMissedReason: string | null
  lastRunAt: number | null
  lastOutcome: Outcome | null
  /** Slots fired so far, counted when they fire: what maxRuns bounds. Runs by hand do not count. */
  runCount: number
  /** Executions that ended as failed, timed_out or abandoned. */
  failureCount: number
  consecutiveFailures: number

  createdAt: number
  updatedAt: number
  pausedAt: number | null
  resumedAt: number | null
  completedAt: number | null
  cancelledAt: number | null
  /** Rises with each change by hand or sync. */
  version: number
  /** Hash of the definition as Almanac wrote it; where it no longer fits, plain SQL has changed the row. */
  rowHash: string | null
  /** What plain SQL left wrong with the row: it is not fired until that is corrected. */
  problem: string | null
}

/** An event that another one runs after. */
export type ParentInput = string | { event: string; source?: string; on?: ParentCondition }

/** What `create` takes. */
export interface EventInput<H extends HandlerReference = HandlerReference> {
  name: string
  handler: H
  payload?: PayloadOf<H>
  /** Name of a payload in `profiles` of config/almanac.ts; `payload` is laid over it. */
  profile?: string
  /** May be left out where `after` says what it runs after. */
  trigger?: Trigger
  /** An object of at most `maxMeta` bytes of JSON. */
  meta?: JsonObject
  /** What the event is about; its executions carry it and can be looked for by it. */
  subject?: string
  /** At most 20, each of letters, digits and `. _ : / -`. */
  tags?: string[]
  queue?: string
  priority?: number
  misfire?: MisfireInput
  overlap?: OverlapPolicy
  onResume?: ResumePolicy
  concurrencyKey?: string
  timeout?: Duration
  retries?: number
  maxRuns?: number
  /**
   * The events that it runs after, by name (of its own source) or id; each on
   * success, unless `on` says otherwise. Then it needs no trigger of its own.
   */
  after?: ParentInput | ParentInput[]
  /** Created paused when false. Default true. */
  enabled?: boolean
}

type OptionalField = Exclude<keyof EventInput, 'name' | 'handler' | 'trigger' | 'after' | 'enabled'>

/** What `update` takes: any part of the definition. null puts a field back to its default. */
export type EventChange = Partial<Pick<EventInput, 'name' | 'handler' | 'trigger'>> & {
  [Field in OptionalField]?: EventInput[Field] | null
}

/** Who does something: a user as the caller names it, or `system`. */
export type Actor = string

/** One definition of a source, such as a line of start/almanac.ts or a row of a legacy table. */
export type SourceInput<H extends HandlerReference = HandlerReference> = EventInput<H> & {
  /** Unique in the source; it outlives renames and edits. */
  key: string
  /** Changes exactly when the definition does. */
  hash: string
}

/** A definition that was not taken over, and why. */
export interface SourceProblem {
  key: string
  message: string
}

/** Who lists events, and how. Every part narrows; lists mean any of theirs. */
export interface EventFilter {
  status?: EventStatus | EventStatus[]
  source?: string
  handler?: string
  subject?: string
  /** Has all of these tags. */
  tag?: string | string[]
  /** nextRunAt >= nextFrom */
  nextFrom?: Instant
  /** nextRunAt < nextTo */
  nextTo?: Instant
  /** Part of the name; the case of A to Z does not matter. */
  text?: string
  /** Default `name`. Events without a next slot come last. */
  sort?: EventSort
  /** Default `asc`. */
  order?: 'asc' | 'desc'
  limit?: number
  /** `next` of the page before. */
  cursor?: string
  /** Only the names after this one, of a list by name. */
  after?: string
}

export const EVENT_SORTS = ['name', 'nextRunAt', 'createdAt', 'updatedAt'] as const

export type EventSort = (typeof EVENT_SORTS)[number]

export interface EventPage {
  events: EventRecord[]
  /** Cursor of the following page, null on the last one. */
  next: string | null
}

/** Which events a change of many means; at least one part is given. */
export interface EventSelector {
  tag?: string | string[]
  source?: string
}

/** What a change of many events did; each was judged alone. */
export interface BulkResult {
  /** Ids of the events that were changed. */
  changed: string[]
  /** Ids of those that were so already. */
  unchanged: string[]
  failed: { id: string; name: string; code: string; message: string }[]
}
