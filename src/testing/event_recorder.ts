import type { AlmanacEvents, Notifier } from '../types/notifications.ts'

type Name = keyof AlmanacEvents

/** One notification, in the order of its emission. */
export type Recorded = { [K in Name]: { name: K; data: AlmanacEvents[K] } }[Name]

interface Waiter {
  accepts: (event: Recorded) => boolean
  resolve: (event: Recorded) => void
}

/**
 * Keeps what a scheduler announces, so that a test can wait for it instead of
 * sleeping.
 */
export class EventRecorder implements Notifier {
  readonly events: Recorded[] = []
  readonly #waiters = new Set<Waiter>()

  emit<K extends Name>(name: K, data: AlmanacEvents[K]): void {
    const event = { name, data } as Recorded
    this.events.push(event)
    for (const waiter of [...this.#waiters]) {
      if (waiter.accepts(event)) {
        this.#waiters.delete(waiter)
        waiter.resolve(event)
      }
    }
  }

  /** The data of every notification of one name. */
  of<K extends Name>(name: K): AlmanacEvents[K][] {
    return this.events
      .filter((event) => event.name === name)
      .map(({ data }) => data as AlmanacEvents[K])
  }

  /** The names, in order. */
  names(): Name[] {
    return this.events.map(({ name }) => name)
  }

  /**
   * The first notification of this name that the predicate accepts, whether it
   * was recorded already or is still to come.
   */
  async waitFor<K extends Name>(
    name: K,
    predicate: (data: AlmanacEvents[K]) => boolean = () => true
  ): Promise<AlmanacEvents[K]> {
    const accepts = (event: Recorded) =>
      event.name === name && predicate(event.data as AlmanacEvents[K])
    const known = this.events.find(accepts)
    if (known) {
      return known.data as AlmanacEvents[K]
    }
    const event = await new Promise<Recorded>((resolve) => {
      this.#waiters.add({ accepts, resolve })
    })
    return event.data as AlmanacEvents[K]
  }

  clear(): void {
    this.events.length = 0
  }
}
