import { roomOf, type Running } from '../rules/claim_plan.ts'
import { limitsOf } from '../rules/controls.ts'
import type { HeldPlace } from '../rules/places.ts'
import { spend } from '../rules/rate.ts'
import type { ControlRecord } from '../../types/controls.ts'
import type { Now } from '../contract.ts'
import { lockControls, writeParts, type ControlRow } from './control_rows.ts'
import { runningRows, type RunningRows } from './running_rows.ts'
import type { Work } from './work.ts'

/**
 * What is left of the limits of handlers, within a unit of work that has their
 * rows locked: nobody else claims of them meanwhile, and what runs can only
 * become less. What runs is counted, never noted down: a crash leaves nothing
 * behind that would have to be put right.
 */
export class LockedLimits {
  readonly #work: Work
  readonly #rows: Map<string, ControlRow>
  readonly #rooms: Map<string, number>
  /** Read once the rows were locked: what counts against a rate counts from when it is claimed. */
  readonly now: number
  /** The places of keys that were held then. */
  readonly held: readonly HeldPlace[]
  readonly #taken = new Map<string, number>()

  private constructor(
    work: Work,
    rows: Map<string, ControlRow>,
    rooms: Map<string, number>,
    { now, held }: RunningRows
  ) {
    this.#work = work
    this.#rows = rows
    this.#rooms = rooms
    this.now = now
    this.held = held
  }

  static async lock(
    work: Work,
    params: { handlers: string[]; node: string; now: Now }
  ): Promise<LockedLimits> {
    const targets = params.handlers.map((name) => ({ scope: 'handler' as const, name }))
    const locked = await lockControls(work, targets)
    // In a statement of its own, after the lock: it sees what the last holder committed
    const running = await runningRows(work, params)
    const rows = new Map(locked.map((row) => [row.control.name, row]))
    const rooms = roomsOf(
      [...rows.values()].map(({ control }) => control),
      running
    )
    return new LockedLimits(work, rows, rooms, running)
  }

  /** How many more of each handler; who is not in it is not limited. */
  get rooms(): Map<string, number> {
    return new Map(this.#rooms)
  }

  take(handler: string): void {
    const room = this.#rooms.get(handler)
    if (room !== undefined) {
      this.#rooms.set(handler, room - 1)
      this.#taken.set(handler, (this.#taken.get(handler) ?? 0) + 1)
    }
  }

  /** Writes down what counts against rates. */
  async write(): Promise<void> {
    for (const [handler, claims] of this.#taken) {
      const { key, control, parts } = this.#rows.get(handler)!
      const { rate } = limitsOf(control)
      if (rate !== null) {
        await writeParts(this.#work, key, spend(parts, rate, this.now, claims))
      }
    }
  }
}

/** The room that each of the limited handlers among these has. */
export function roomsOf(
  controls: ControlRecord[],
  { runs, parts, now }: RunningRows
): Map<string, number> {
  const none: Running = { cluster: 0, node: 0 }
  return new Map(
    controls.map((control) => {
      const { name } = control
      const room = roomOf(limitsOf(control), runs.get(name) ?? none, parts.get(name) ?? [], now)
      return [name, room]
    })
  )
}
