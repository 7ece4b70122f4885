import type { JsonObject, JsonValue } from './json.ts'

export const EXECUTION_STATES = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'timed_out',
  'abandoned',
  'missed',
  'skipped',
] as const

export type ExecutionState = (typeof EXECUTION_STATES)[number]

/** The states that are an end. */
export type Outcome = Exclude<ExecutionState, 'queued' | 'running'>

export const OUTCOMES = EXECUTION_STATES.slice(2) as readonly Outcome[]

/** Where an execution comes from. */
export type ExecutionOrigin =
  'schedule' | 'manual' | 'enqueue' | 'request' | 'rerun' | 'backfill' | 'workflow'

export interface ExecutionError {
  name: string
  message: string
  code?: string
  stack?: string
  cause?: ExecutionError
}

/**
 * One run of a handler, with its attempts. Instants are epoch ms (UTC) of the database's clock.
 */
export interface ExecutionRecord {
  id: string
  eventId: string | null
  handler: string
  queue: string
  origin: ExecutionOrigin
  payload: JsonValue
  /** Facts for people and other programs; Almanac only keeps them. */
  meta: JsonObject | null
  /** What it is about; the event's, or the one it was enqueued with. */
  subject: string | null
  state: ExecutionState
  /** Lower runs first, 1..10. */
  priority: number

  /** The slot of a scheduled run; first slot of a missed range. */
  slot: number | null
  /** Last slot of a missed range; equals slot otherwise. */
  slotLast: number | null
  /** How many slots the row stands for. */
  slotCount: number
  /** `<event id>:<slot ms>`; null for manual runs. */
  slotKey: string | null
  rerunOf: string | null
  /** Why it was missed, cancelled, abandoned or skipped. */
  reason: string | null

  /** Readable keys; the unique columns hold their SHA-256. */
  dedupeKey: string | null
  concurrencyKey: string | null

  availableAt: number
  createdAt: number
  claimedAt: number | null
  startedAt: number | null
  finishedAt: number | null

  /** The fence: rises with each claim. */
  attempt: number
  /** Failed attempts that count against the retry policy. */
  failures: number
  rescues: number
  node: string | null
  leaseExpiresAt: number | null
  /** Rises with each renewal, so that a rescuer can see a live holder. */
  renewals: number
  cancelRequestedAt: number | null

  checkpoint: JsonValue | null
  progress: JsonObject | null
  result: JsonValue | null
  /** Where the handler has put a result that is too large for the store. */
  resultRef: string | null
  error: ExecutionError | null
  /** Per-execution overrides of the handler's timeout (ms) and number of retries. */
  timeout: number | null
  retries: number | null
  /** Not begun by then, it ends as missed; null = it waits as long as it takes. */
  expiresAt: number | null
  /** The run of a workflow that it was made in; null outside of workflows. */
  workflowId: string | null
  /**
   * Parents that are still to end before it may begin; null when it waits for
   * none. While it waits, `availableAt` lies beyond every instant.
   */
  waitingFor: number | null
}

export interface ExecutionLogEntry {
  executionId: string
  attempt: number
  /** Order within the attempt. */
  seq: number
  at: number
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  message: string
  data: JsonObject | null
}
