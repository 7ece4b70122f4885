import type { Counters } from '../counters.ts'
import type { Logger } from '../types/logger.ts'

/** Something that a working process does again and again. */
export interface Chore {
  name: string
  /** ms between two rounds */
  interval: number
  run(): Promise<unknown>
}

export interface ChoreTimer {
  stop(): Promise<void>
}

/** What calls chores at their times, never twice at once. */
export interface Timetable {
  every(interval: number, name: string, run: () => Promise<void>): ChoreTimer
}

/** What failed the last time that it was tried, of a part that goes on nevertheless. */
export interface StatusProblem {
  /** The chore, source or part that failed. */
  part: string
  message: string
  /** When it failed last, UTC, ISO 8601; where it is known. */
  at?: string
  /** Failures in a row; where they are counted. */
  count?: number
}

export interface ChoresDeps {
  timetable: Timetable
  clock: { now(): number }
  logger: Logger
  counters: Counters
}

/**
 * The chores of this process. One that fails is logged, counted and shown
 * until it succeeds again; it stops neither itself nor anything else.
 */
export class Chores {
  readonly #deps: ChoresDeps
  readonly #chores: Chore[] = []
  readonly #problems = new Map<string, StatusProblem>()
  readonly #rounds = new Set<Promise<void>>()
  #timers: ChoreTimer[] = []
  #running = false

  constructor(deps: ChoresDeps) {
    this.#deps = deps
  }

  add(chore: Chore): void {
    this.#chores.push(chore)
    if (this.#running) {
      this.#arm(chore)
    }
  }

  start(): void {
    this.#running = true
    this.#chores.forEach((chore) => this.#arm(chore))
  }

  /** Ends with the rounds that are under way. */
  async stop(): Promise<void> {
    const timers = this.#timers
    this.#timers = []
    this.#running = false
    await Promise.all(timers.map((timer) => timer.stop()))
    await Promise.all(this.#rounds)
  }

  /** Runs every chore once, in order. */
  async runAll(): Promise<void> {
    for (const chore of this.#chores) {
      await this.#run(chore)
    }
  }

  problems(): StatusProblem[] {
    return [...this.#problems.values()]
  }

  /** Runs a part that may fail without harm to the others. @returns whether it succeeded */
  async guard(part: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      this.#problems.delete(part)
      return true
    } catch (error) {
      this.note(part, error)
      return false
    }
  }

  #arm(chore: Chore): void {
    const { timetable } = this.#deps
    this.#timers.push(timetable.every(chore.interval, chore.name, () => this.#run(chore)))
  }

  async #run(chore: Chore): Promise<void> {
    const round = this.guard(chore.name, () => chore.run()).then(() => undefined)
    this.#rounds.add(round)
    await round
    this.#rounds.delete(round)
  }

  /** Shows a failure in the status, and logs and counts it. */
  note(part: string, error: unknown): void {
    const { clock, logger, counters } = this.#deps
    const message = error instanceof Error ? error.message : String(error)
    const count = (this.#problems.get(part)?.count ?? 0) + 1
    const at = new Date(clock.now()).toISOString()
    this.#problems.set(part, { part, message, at, count })
    counters.increment(`chores.failed.${part}`)
    logger.error({ err: error, part, count }, `${part} failed; the rest goes on`)
  }
}
