import type { Clock } from '../clock.ts'
import type { Report } from '../input/fields.ts'
import type { Progress } from '../types/handlers.ts'
import { readProgress } from './progress_value.ts'

/** At most one notification and one write per execution in so many ms. */
export const PROGRESS_INTERVAL = 1_000

interface State {
  latest: StoredProgress
  stored: boolean
  /** On the monotonic scale. */
  announcedAt: number
  /** Where the attempt's progress began; speed is measured from there. */
  first: Mark
}

interface Mark {
  /** Units done, or percent where there are none. */
  at: number | null
  since: number
}

/** Shorter spans say nothing of the speed, ms. */
const MIN_SPAN = 1_000

export type StoredProgress = {
  percent?: number
  message?: string
  done?: number
  total?: number
  /** Units (of `done`, else percent) a second, since the first progress of the attempt. */
  rate?: number
  /** ms that are left at this rate, as of then. */
  remaining?: number
}

/**
 * The progress of the executions that run here: the latest wins.
 */
export class ProgressBoard {
  readonly #clock: Clock
  readonly #states = new Map<string, State>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * @param report told of what cannot be read, which is left out
   * @returns true when it is time to announce it
   */
  set(executionId: string, progress: Progress | number, report: Report = ignored): boolean {
    const now = this.#clock.monotonic()
    const before = this.#states.get(executionId)
    const announce = !before || now - before.announcedAt >= PROGRESS_INTERVAL
    const value: StoredProgress = readProgress(progress, report)
    const known = before !== undefined && before.first.at !== null
    const first = known ? before.first : { at: positionOf(value), since: now }
    this.#states.set(executionId, {
      latest: { ...value, ...speed(value, first, now) },
      first,
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

const ignored: Report = () => undefined

function positionOf({ done, percent }: StoredProgress): number | null {
  return done ?? percent ?? null
}

/** Nothing while it stands still: what is left cannot be told then. */
function speed(value: StoredProgress, first: Mark, now: number) {
  const at = positionOf(value)
  const span = now - first.since
  if (at === null || first.at === null || span < MIN_SPAN || at <= first.at) {
    return {}
  }
  const rate = ((at - first.at) / span) * 1_000
  const whole = value.done === undefined ? 100 : value.total
  const left =
    whole === undefined ? {} : { remaining: Math.max(0, Math.round(((whole - at) / rate) * 1_000)) }
  return { rate: Number(rate.toPrecision(4)), ...left }
}
