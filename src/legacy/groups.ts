import type { Counters } from '../counters.ts'
import type { Logger } from '../types/logger.ts'
import { isBusy, isTransient } from './connection.ts'

/** Most items of one group: statements and locks stay within what every database takes. */
const MOST = 200

interface Deps<Item, Answer> {
  /** What the items are about, for the log. */
  name: string
  logger: Logger
  counters: Counters
  /** Does one item by itself. */
  one(item: Item): Promise<Answer>
  /**
   * Does several together, all or nothing. null is the answer to an item that
   * was left out, and is done by itself.
   */
  many(items: Item[]): Promise<(Answer | null)[]>
}

interface Entry<Item, Answer> {
  item: Item
  resolve: (answer: Answer | PromiseLike<Answer>) => void
  reject: (reason: unknown) => void
}

/**
 * Work on the legacy database that gathers to groups: what comes while a group
 * is under way is the next one, so that nobody waits for company, and the more
 * there is to do the larger the groups are.
 *
 * A group that the database refuses has done nothing: each of its items is
 * done by itself, and the one at fault fails alone. A group whose answer is
 * lost may have been done: all its items fail as a single one would.
 */
export class Groups<Item, Answer> {
  readonly #deps: Deps<Item, Answer>
  readonly #waiting: Entry<Item, Answer>[] = []
  #working = false

  constructor(deps: Deps<Item, Answer>) {
    this.#deps = deps
  }

  /** @throws what doing the item by itself throws, or what lost the group's answer */
  add(item: Item): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.#waiting.push({ item, resolve, reject })
    if (!this.#working) {
      this.#working = true
      void this.#work()
    }
    return promise
  }

  async #work(): Promise<void> {
    // What comes in the same turn of the event loop belongs together
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      await this.#together(this.#waiting.splice(0, MOST))
    }
    this.#working = false
  }

  async #together(group: Entry<Item, Answer>[]): Promise<void> {
    let answers: (Answer | null)[]
    try {
      answers = await this.#deps.many(group.map(({ item }) => item))
    } catch (error) {
      this.#refused(group, error)
      return
    }
    group.forEach((entry, index) => {
      const answer = answers[index]
      if (answer === null) {
        this.#alone(entry)
      } else {
        entry.resolve(answer)
      }
    })
  }

  #refused(group: Entry<Item, Answer>[], error: unknown): void {
    if (isTransient(error) && !isBusy(error)) {
      group.forEach((entry) => entry.reject(error))
      return
    }
    const { name, logger, counters } = this.#deps
    counters.increment('legacy.groupsRefused')
    const data = { err: error, size: group.length }
    logger.debug(data, `A group of ${name} was refused; each is done by itself`)
    group.forEach((entry) => this.#alone(entry))
  }

  /** It may wait for a lock; the next group does not wait for it. */
  #alone({ item, resolve, reject }: Entry<Item, Answer>): void {
    this.#deps.one(item).then(resolve, reject)
  }
}
