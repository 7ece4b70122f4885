import type { Clock, ClockTimer } from '../clock.ts'

/** A handler that has not ended so long after its timeout ignores its signal, ms. */
export const STUCK_GRACE = 1_000

interface Deps {
  clock: Clock
  /** The handler is stuck. @returns how many ms more its outcome waits for it */
  onStuck: () => number
  /** The outcome waits no longer. */
  onGiveUp: () => void
}

/** Watches a handler from the moment its timeout has expired until it ends. */
export class StuckWatch {
  readonly #deps: Deps
  #timer: ClockTimer | null = null
  #over = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  arm(): void {
    const { clock, onStuck, onGiveUp } = this.#deps
    if (!this.#over) {
      this.#timer = clock.timer(STUCK_GRACE, () => {
        this.#timer = clock.timer(onStuck(), onGiveUp)
      })
    }
  }

  /** The handler has ended. */
  cancel(): void {
    this.#over = true
    this.#timer?.cancel()
  }
}
