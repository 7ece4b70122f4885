import type { Clock } from '../clock.ts'
import type { Place } from './place.ts'
import { Prefetch } from './prefetch.ts'

/** Runs that are ready should wait for a slot no longer than about this, ms. */
const TARGET_WAIT = 20
/** A run that is ready and finds no slot for so long is given up, ms. */
const PATIENCE = 5_000

interface Deps {
  slots: number
  /** Most runs that get ready while all slots are taken. */
  ahead: number
  clock: Clock
  /** A slot, or the room to get ready, is free. */
  onFree: () => void
}

/** A place as whoever begins the run knows it. */
export interface RunPlace extends Place {
  /** How much of its time the run stands for a slot. */
  readonly share: number
}

/**
 * The slots of a lane. Most runs have one from their beginning to their end.
 * Those that take their place themselves get ready without: as many as there
 * are free slots, and, while their work is quick, as many more as the slots
 * work off in a moment.
 */
export class Places {
  readonly #deps: Deps
  readonly #ahead: Prefetch
  readonly #waiting = new Set<() => void>()
  #taken = 0
  /** Runs that have begun and do not have their slot yet. */
  #ready = 0

  constructor(deps: Deps) {
    this.#deps = deps
    this.#ahead = new Prefetch({ slots: deps.slots, max: deps.ahead, wait: TARGET_WAIT })
  }

  /** Slots that are taken. */
  get taken(): number {
    return this.#taken
  }

  /** Whether a run may begin now; those that are ready go first. */
  mayBegin(takesPlace: boolean): boolean {
    const ahead = takesPlace ? this.#ahead.allowance : 0
    return this.#taken + this.#ready < this.#deps.slots + ahead
  }

  /** How much of its time a run that takes its place itself stands for a slot. */
  get share(): number {
    return this.#deps.slots / (this.#deps.slots + this.#ahead.allowance)
  }

  /** A run has its slot from its beginning on. */
  hold(): RunPlace {
    this.#taken++
    return { take: async () => 'taken', leave: once(() => this.#free()), share: 1 }
  }

  /** A run gets ready. @returns its place, to be left at the latest when it is over */
  prepare(): RunPlace {
    const places = this
    this.#ready++
    let leave = once(() => {
      this.#ready--
      this.#deps.onFree()
    })
    return {
      take: async (signal) => {
        const answer = await this.#wait(signal)
        if (answer === 'taken') {
          leave = this.#occupy()
        }
        return answer
      },
      leave: () => leave(),
      get share() {
        return places.share
      },
    }
  }

  /** The slot is counted already. */
  #occupy(): () => void {
    const { clock } = this.#deps
    const begun = clock.monotonic()
    return once(() => {
      this.#ahead.ended(clock.monotonic() - begun)
      this.#free()
    })
  }

  async #wait(signal: AbortSignal): Promise<'taken' | 'aborted' | 'overdue'> {
    if (signal.aborted) {
      return 'aborted'
    }
    if (this.#taken < this.#deps.slots && this.#waiting.size === 0) {
      this.#admit()
      return 'taken'
    }
    return new Promise((resolve) => {
      const finish = (answer: 'taken' | 'aborted' | 'overdue') => {
        timer.cancel()
        signal.removeEventListener('abort', onAbort)
        this.#waiting.delete(onSlot)
        resolve(answer)
      }
      const onSlot = () => finish('taken')
      const onAbort = () => finish('aborted')
      const timer = this.#deps.clock.timer(PATIENCE, () => {
        this.#ahead.slow()
        finish('overdue')
      })
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(onSlot)
    })
  }

  #admit(): void {
    this.#ready--
    this.#taken++
  }

  #free(): void {
    this.#taken--
    const [next] = this.#waiting
    // What another engine delivers begins beside the slots
    if (next && this.#taken < this.#deps.slots) {
      this.#admit()
      next()
    }
    this.#deps.onFree()
  }
}

function once(work: () => void): () => void {
  let done = false
  return () => {
    if (!done) {
      done = true
      work()
    }
  }
}
