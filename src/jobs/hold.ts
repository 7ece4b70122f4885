import type { Clock } from '../clock.ts'
import type { Settlement } from '../storage/contract.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { AbortReason } from '../types/handlers.ts'
import type { Lane } from './lane.ts'
import type { RunPlace } from './places.ts'

/**
 * One attempt that this node owns: from its claim, over the wait for a slot
 * and the run, until its end is stored.
 */
export class Hold {
  /** Whose slots it takes. */
  readonly lane: Lane
  /** The name of the source that it came from. */
  readonly source: string
  /** When it was claimed, on the monotonic scale. */
  readonly claimedAt: number
  /** The lease is ours until then, on the monotonic scale. */
  trustedUntil: number
  /** From its beginning on. */
  place: RunPlace | null = null

  /** When its handler began, on the monotonic scale. */
  #begunAt = 0
  readonly #clock: Clock
  /** Made when somebody asks for the signal: most attempts end without. */
  #controller: AbortController | null = null
  readonly #execution: ExecutionRecord
  #state: 'waiting' | 'running' | 'ended' = 'waiting'
  #lost = false
  #cancelReason: string | null = null
  #onCancel: (() => void) | null = null

  /** @param params.execution the hold's own from now on */
  constructor(params: {
    execution: ExecutionRecord
    lane: Lane
    source: string
    trustedUntil: number
    clock: Clock
  }) {
    this.#execution = params.execution
    this.lane = params.lane
    this.source = params.source
    this.trustedUntil = params.trustedUntil
    this.#clock = params.clock
    this.claimedAt = params.clock.monotonic()
  }

  get id(): string {
    return this.#execution.id
  }

  get execution(): ExecutionRecord {
    return this.#execution
  }

  get state(): 'waiting' | 'running' | 'ended' {
    return this.#state
  }

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal
  }

  /** Why the signal was aborted first, null while it is not. */
  get aborted(): AbortReason | null {
    const signal = this.#controller?.signal
    return signal?.aborted ? (signal.reason as AbortReason) : null
  }

  /** The lease lapsed by our own clock, or the store says that it is not ours. */
  get lost(): boolean {
    return this.#lost
  }

  get cancelReason(): string | null {
    return this.#cancelReason
  }

  /** The handler begins. The instant is of the database's clock, as far as it is known here. */
  begin(): void {
    this.#begunAt = this.#clock.monotonic()
    const claimedAt = this.#execution.claimedAt ?? this.#clock.now()
    this.#execution.startedAt = Math.floor(claimedAt + this.#begunAt - this.claimedAt)
    this.#state = 'running'
  }

  get begunAt(): number {
    return this.#begunAt
  }

  /** Nothing of this attempt is going to happen any more. */
  end(): void {
    this.#state = 'ended'
  }

  /** The first reason stays. @returns false when the signal had aborted before */
  abort(reason: AbortReason): boolean {
    this.#controller ??= new AbortController()
    if (this.#controller.signal.aborted) {
      return false
    }
    this.#controller.abort(reason)
    return true
  }

  cancel(reason: string): boolean {
    this.#cancelReason ??= reason
    const first = this.abort('cancelled')
    if (first) {
      this.#onCancel?.()
    }
    return first
  }

  /** Called once, when a cancel is what aborts the signal. */
  onCancel(callback: () => void): void {
    this.#onCancel = callback
  }

  lose(): void {
    this.#lost = true
    this.abort('lease lost')
  }

  /** The lease can no longer be trusted, whether it was noticed or not. */
  get lapsed(): boolean {
    return this.#lost || this.#clock.monotonic() >= this.trustedUntil
  }

  /** How this attempt ended, to be stored. */
  settlement(
    end: Omit<
      Settlement,
      'id' | 'node' | 'attempt' | 'eventId' | 'handler' | 'subject' | 'startedAt'
    >
  ): Settlement {
    const { id, node, attempt, eventId, handler, subject, startedAt } = this.#execution
    const { to, delay, result, resultRef, error, reason, progress } = end
    return {
      id,
      node: node ?? '',
      attempt,
      eventId,
      handler,
      subject,
      startedAt,
      to,
      delay,
      result,
      resultRef,
      error,
      reason,
      progress,
    }
  }
}
