import type { HandlerLimits } from '../../types/controls.ts'
import { roomOf, type Running } from '../rules/claim_plan.ts'
import { limitsOf } from '../rules/controls.ts'
import { spend } from '../rules/rate.ts'
import type { Now } from '../contract.ts'
import { lockControls, writeParts, type ControlRow } from './control_rows.ts'
import { clockNow, inList, type Work } from './work.ts'

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
  readonly #taken = new Map<string, number>()

  private constructor(
    work: Work,
    rows: Map<string, ControlRow>,
    rooms: Map<string, number>,
    now: number
  ) {
    this.#work = work
    this.#rows = rows
    this.#rooms = rooms
    this.now = now
  }

  static async lock(
    work: Work,
    params: { handlers: string[]; node: string; now: Now }
  ): Promise<LockedLimits> {
    const targets = params.handlers.map((name) => ({ scope: 'handler' as const, name }))
    const locked = await lockControls(work, targets)
    // In a statement of its own, after the lock: it sees what the last holder committed
    const now = await clockNow(work, params.now)
    const rooms = await roomsOf(work, locked, params.node, now)
    const rows = new Map(locked.map((row) => [row.control.name, row]))
    return new LockedLimits(work, rows, rooms, now)
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

/** The room that each of these handlers has now. */
export async function roomsOf(
  work: Work,
  rows: ControlRow[],
  node: string,
  now: number
): Promise<Map<string, number>> {
  const bounded = rows.filter(({ control }) => countsRunning(limitsOf(control)))
  const running = await runningOf(
    work,
    bounded.map(({ control }) => control.name),
    node
  )
  const none: Running = { cluster: 0, node: 0 }
  return new Map(
    rows.map(({ control, parts }) => {
      const runs = running.get(control.name) ?? none
      return [control.name, roomOf(limitsOf(control), runs, parts, now)]
    })
  )
}

function countsRunning({ cluster, node }: HandlerLimits): boolean {
  return cluster !== null || node !== null
}

async function runningOf(
  work: Work,
  handlers: string[],
  node: string
): Promise<Map<string, Running>> {
  const running = new Map<string, Running>()
  if (handlers.length === 0) {
    return running
  }
  const list = inList(handlers)
  const rows = await work.all(
    `select handler, node, count(*) as total from almanac_executions
      where state = 'running' and handler in ${list.sql} group by handler, node`,
    list.bindings
  )
  for (const row of rows) {
    const { cluster, node: here } = running.get(String(row.handler)) ?? { cluster: 0, node: 0 }
    const total = Number(row.total)
    running.set(String(row.handler), {
      cluster: cluster + total,
      node: here + (row.node === node ? total : 0),
    })
  }
  return running
}
