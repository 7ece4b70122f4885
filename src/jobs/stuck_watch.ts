import type { Clock, ClockTimer } from '../clock.ts'

/** A handler that has not ended so long after its timeout ignores its signal, ms. */
export const STUCK_GRACE = 1_000
/** The same after a cancel, ms: longer, since to undo work is to honour it. */
export const CANCEL_GRACE = 10_000

interface Deps {
  clock: Clock
  /** It ignores its timeout. @returns how many ms more its outcome waits for it */
  onStuck: () => number
  /** It ignores a cancel. */
  onDeaf: () => void
  /** The outcome waits no longer. */
  onGiveUp: () => void
}

/** Watches a handler from the moment its signal was aborted until it ends. */
export class StuckWatch {
  readonly #deps: Deps
  #timer: ClockTimer | null = null
  #cancelTimer: ClockTimer | null = null
  #over = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Its timeout has expired: after the grace it is stuck, and at last given up. */
  arm(grace: number): void {
    const { clock, onStuck, onGiveUp } = this.#deps
    if (!this.#over) {
      this.#cancelTimer?.cancel()
      this.#timer = clock.timer(grace, () => {
        this.#timer = clock.timer(onStuck(), onGiveUp)
      })
    }
  }

  /** It was cancelled: after the grace that is told, and no more. */
  listen(grace: number): void {
    if (!this.#over && !this.#timer) {
      this.#cancelTimer = this.#deps.clock.timer(grace, this.#deps.onDeaf)
    }
  }

  /** The handler has ended. */
  cancel(): void {
    this.#over = true
    this.#timer?.cancel()
    this.#cancelTimer?.cancel()
  }
}
