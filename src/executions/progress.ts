import type { Clock } from '../clock.ts'
import type { Progress } from '../types/handlers.ts'

/** At most one notification and one write per execution in so many ms. */
export const PROGRESS_INTERVAL = 1_000

interface State {
  latest: StoredProgress
  stored: boolean
  /** On the monotonic scale. */
  announcedAt: number
}

export type StoredProgress = { percent?: number; message?: string; done?: number; total?: number }

/**
 * The progress of the executions that run here: the latest wins.
 */
export class ProgressBoard {
  readonly #clock: Clock
  readonly #states = new Map<string, State>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns true when it is time to announce it */
  set(executionId: string, progress: Progress | number): boolean {
    const now = this.#clock.monotonic()
    const before = this.#states.get(executionId)
    const announce = !before || now - before.announcedAt >= PROGRESS_INTERVAL
    this.#states.set(executionId, {
      latest: normalize(progress),
      stored: false,
      announcedAt: announce ? now : before.announcedAt,
    })
    return announce
  }

  /** The latest value that is not stored yet, null when there is none. */
  unstored(executionId: string): StoredProgress | null {
    const state = this.#states.get(executionId)
    return state && !state.stored ? state.latest : null
  }

  /** The value was written; a newer one still waits. */
  markStored(executionId: string, value: StoredProgress): void {
    const state = this.#states.get(executionId)
    if (state?.latest === value) {
      state.stored = true
    }
  }

  forget(executionId: string): void {
    this.#states.delete(executionId)
  }
}

/** A number is a percentage. What is not finite (0 of 0) says nothing and is left out. */
function normalize(progress: Progress | number): StoredProgress {
  const { percent, message, done, total } =
    typeof progress === 'number' ? { percent: progress } : (progress as Progress)
  const value: StoredProgress = {}
  if (isFiniteNumber(percent)) {
    value.percent = Math.min(100, Math.max(0, percent))
  }
  if (message !== undefined) {
    value.message = String(message).slice(0, 500).toWellFormed()
  }
  if (isFiniteNumber(done)) {
    value.done = done
  }
  if (isFiniteNumber(total)) {
    value.total = total
  }
  return value
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
