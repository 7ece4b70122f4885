import type { Clock } from '../clock.ts'
import type { CoreConfig } from '../types/config.ts'
import type { Hold } from './hold.ts'
import { Places } from './places.ts'
import { Prefetch } from './prefetch.ts'
import { SeatPool } from './seat_pool.ts'

/** The name that the own queue goes by among the sources. */
export const OWN_QUEUE = 'queue'

interface Options {
  name: string
  slots: number
  queues?: string[]
  exceptQueues?: string[]
}

/**
 * Slots of this node that nothing else takes: those of one queue, or those
 * that all the others share. What was claimed for it waits here for a slot.
 */
export class Lane {
  /** Of the source that fills it. */
  readonly name: string
  readonly slots: number
  /** The queues that it takes from; undefined: all but `exceptQueues`. */
  readonly queues?: string[]
  readonly exceptQueues?: string[]
  readonly seats: SeatPool
  readonly prefetch: Prefetch
  readonly places: Places
  readonly waiting: Hold[] = []
  #onFree = () => {}

  constructor(
    { name, slots, queues, exceptQueues }: Options,
    deps: { clock: Clock; ahead: number }
  ) {
    this.name = name
    this.slots = slots
    this.queues = queues
    this.exceptQueues = exceptQueues
    const ahead = slots === 0 ? 0 : deps.ahead
    const { clock } = deps
    this.prefetch = new Prefetch({ slots, max: ahead })
    this.seats = new SeatPool({ slots, prefetch: this.prefetch, clock })
    this.places = new Places({ slots, ahead, clock, onFree: () => this.#onFree() })
  }

  /** Slots that are taken. */
  get running(): number {
    return this.places.taken
  }

  /** Called whenever more of what waits may begin. */
  onFree(callback: () => void): void {
    this.#onFree = callback
  }

  /**
   * What is to begin now, in order; each is given its place.
   *
   * @param takesPlace whether a run takes its slot by itself
   */
  *begin(takesPlace: (hold: Hold) => boolean): Generator<Hold> {
    while (this.waiting.length > 0 && this.places.mayBegin(takesPlace(this.waiting[0]))) {
      yield this.waiting.shift()!
    }
  }

  /** A handler has ended that stood for a slot for `duration` ms. */
  ended(duration: number): void {
    this.prefetch.ended(duration)
    this.seats.ended()
  }
}

/** The queues that another engine runs. */
export function engineQueues({ queueSettings }: Pick<CoreConfig, 'queueSettings'>): string[] {
  return Object.keys(queueSettings).filter((name) => queueSettings[name].executor === 'queue')
}

/**
 * The lanes of a node: the one that is shared first, also by other sources of
 * work, then one for each queue with places of its own.
 */
export function lanesOf(
  config: Pick<CoreConfig, 'concurrency' | 'prefetch' | 'queues' | 'queuePlaces' | 'queueSettings'>,
  clock: Clock
): [Lane, ...Lane[]] {
  const deps = { clock, ahead: config.prefetch }
  const own = Object.entries(config.queuePlaces)
  const named = [...own.map(([queue]) => queue), ...engineQueues(config)]
  const left = own.reduce((rest, [, places]) => rest - places, config.concurrency)
  const queues = config.queues?.filter((queue) => !named.includes(queue))
  const exceptQueues = named.length === 0 ? undefined : named
  return [
    new Lane({ name: OWN_QUEUE, slots: left, queues, exceptQueues }, deps),
    ...own.map(
      ([queue, slots]) => new Lane({ name: `${OWN_QUEUE}:${queue}`, slots, queues: [queue] }, deps)
    ),
  ]
}
