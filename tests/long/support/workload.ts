import { setTimeout } from 'node:timers/promises'
import type { NewExecution } from '../../../src/storage/contract.ts'
import type { TestStore } from './databases.ts'
import { patiently } from './patience.ts'
import type { Random } from './random.ts'
import { event } from './records.ts'
import { execution } from '../../storage/support.ts'

const KEYS = 40
const SECOND = 1_000
/** Time between two loads of work, ms. */
const STEP = 500

export interface Size {
  events: number
  /** Slots of each event, a second apart. */
  slots: number
  enqueued: number
  /** How long it comes in, ms. */
  duration: number
  /** With so many in the queue only the schedules go on beyond the plan. */
  backlog: number
}

/** The work of the chaos, and what is to become of it. */
export class Workload {
  /** Keys of slots that are to be fired. */
  readonly slots: string[] = []
  /** Ids of executions that were enqueued. */
  readonly ids: string[] = []
  readonly #store: TestStore
  readonly #random: Random
  #events = 0

  constructor(store: TestStore, random: Random) {
    this.#store = store
    this.#random = random
  }

  get total(): number {
    return this.slots.length + this.ids.length
  }

  /** The work comes in, evenly over the duration. */
  async feed({ events, slots, enqueued, duration }: Size): Promise<void> {
    const now = await this.#store.storage.now()
    const first = Math.floor(now / SECOND) * SECOND + duration - slots * SECOND
    for (let index = 0; index < events; index++) {
      await this.#schedule(slots, first)
    }
    const steps = duration / STEP
    for (let step = 0; step < steps; step++) {
      await this.#enqueue(Math.ceil((enqueued - this.ids.length) / (steps - step)))
      await setTimeout(STEP)
    }
  }

  /** More, little by little, for as long as something is still to happen to it. */
  async feedWhile(holds: () => boolean, { backlog }: Size, patience: number): Promise<void> {
    const { storage } = this.#store
    const deadline = performance.now() + patience
    while (holds() && performance.now() < deadline) {
      const { queued = 0 } = await patiently(() => storage.executions.countByState())
      const now = await patiently(() => storage.now())
      const isFull = queued >= backlog
      await this.#schedule(isFull ? 1 : 2, Math.floor(now / SECOND) * SECOND + SECOND)
      if (!isFull) {
        await this.#enqueue(Math.min(10, backlog))
      }
      await setTimeout(STEP)
    }
  }

  async #schedule(slots: number, first: number): Promise<void> {
    const index = this.#events++
    const one = event({
      name: `event ${index}`,
      handler: 'work',
      payload: { duration: this.#random.below(30) },
      trigger: { kind: 'interval', every: SECOND },
      concurrencyKey: `key ${index % KEYS}`,
      maxRuns: slots,
      nextRunAt: first,
    })
    const { events } = this.#store.storage
    await this.#write(
      () => events.insert({ now: null, event: one }),
      () => events.find(one.id)
    )
    for (let slot = 0; slot < slots; slot++) {
      this.slots.push(`${one.id}:${first + slot * SECOND}`)
    }
  }

  async #enqueue(count: number): Promise<void> {
    const { executions } = this.#store.storage
    const batch = Array.from({ length: count }, () => this.#work())
    await this.#write(
      () => executions.enqueue({ now: null, executions: batch }),
      () => executions.find(batch[0].id)
    )
    this.ids.push(...batch.map(({ id }) => id))
  }

  /** A write whose answer was lost with the server is repeated only where it was not done. */
  async #write(write: () => Promise<unknown>, find: () => Promise<unknown>): Promise<void> {
    let tries = 0
    await patiently(async () => {
      if (tries++ === 0 || !(await find())) {
        await write()
      }
    })
  }

  /** Some are long, so that a freeze meets them. */
  #work(): NewExecution {
    const concurrencyKey = this.#random.next() < 0.6 ? `key ${this.#random.below(KEYS)}` : null
    const duration = this.#random.next() < 0.25 ? 700 : this.#random.below(30)
    return execution({ handler: 'work', payload: { duration }, concurrencyKey })
  }
}
