import type { JsonValue } from './json.ts'
import type { ExecutionRecord } from './executions.ts'

/** An execution to be claimed at birth by this node. */
export interface RunRequest {
  handler: string
  payload: JsonValue
  dedupeKey: string
  concurrencyKey: string
  priority?: number
  eventId?: string | null
  /** Default: of the handler. */
  queue?: string
  /** ms; null = none. Default: of the handler. */
  timeout?: number | null
  /** Default: of the handler. */
  retries?: number | null
}

/** What became of a request to run. */
export type RunAnswer =
  | { accepted: true; execution: ExecutionRecord }
  | { accepted: false; conflict: 'dedupe' | 'concurrency'; executionId: string }
  /** A pause or a limit stands against it: to be asked for again later. */
  | { accepted: false; conflict: 'stopped'; executionId: null }

/** Places for executions on this node, reserved for one pull. */
export interface Seats {
  /** How many may be run. */
  readonly count: number
  /**
   * Claims at birth and hands to the executor. At most `count` requests may be
   * accepted over all calls; what is not used goes back when the pull returns.
   * A conflict uses no place. When it throws, nobody knows what was stored:
   * what was, runs again elsewhere once its lease has lapsed.
   *
   * @throws E_UNKNOWN_HANDLER, E_EMPTY_KEY, E_PAYLOAD_TOO_LARGE before anything is stored
   */
  run(requests: RunRequest[]): Promise<RunAnswer[]>
}

/**
 * Somewhere that work comes from besides the package's own queue, such as a
 * legacy request table. The job manager pulls it with its own cadence.
 */
export interface WorkSource {
  readonly name: string
  /** Longest wait between two pulls while idle, ms. */
  readonly pollInterval: number

  /**
   * Handles control requests (stop, refresh), whatever the free slots. Called
   * before each pull and at each poll while no slot is free.
   * @returns how many it handled
   */
  control?(): Promise<number>

  /** Takes work for at most `seats.count` executions. @returns how many it took */
  pull(seats: Seats): Promise<number>

  /**
   * Called with executions of this source that were claimed and never begun:
   * on drain, and when they have waited too long behind slow ones. The source
   * hands their requests back. The job manager then discards those that are
   * returned and releases the others to the queue.
   */
  handBack?(executions: ExecutionRecord[]): Promise<ExecutionRecord[]>

  /** Called when the node stops pulling. */
  stop?(): Promise<void>
}
