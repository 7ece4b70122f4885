import { sleep, type Clock } from '../../clock.ts'
import type { Counters } from '../../counters.ts'
import { E_SOURCE_EMPTY, E_SOURCE_TIMEOUT } from '../../errors.ts'
import type { EventManager } from '../../events/event_manager.ts'
import type { LeaseRecord, Storage } from '../../storage/contract.ts'
import type { EventRecord, SourceProblem } from '../../types/events.ts'
import type { HandlerReference } from '../../types/handlers.ts'
import type { Logger } from '../../types/logger.ts'
import { pagesOfEvents } from '../event_pages.ts'
import { readAnswer } from './answer.ts'
import type { ReadPuller } from './options.ts'
import { PullerLog, type PullerStatus } from './puller_log.ts'

export interface PullerDeps {
  storage: Storage
  clock: Clock
  logger: Logger
  counters: Counters
  events: Pick<EventManager, 'syncSource'>
  nameOf: (handler: HandlerReference) => string
  /** `<node>.<boot>` */
  nodeId: string
  /** 0..1, for the jitter. Default `Math.random`. */
  random?: () => number
}

/** First wait after a failure, ms; it doubles with each further one. */
const FIRST_BACKOFF = 10_000
/** Share of a wait that is drawn at random. */
const JITTER = 0.2

/**
 * Keeps the events of one API in step. Of all nodes the holder of a lease
 * asks; an answer that does not come, or cannot be used, leaves the events as
 * the last good one made them.
 */
export class Puller {
  readonly options: ReadPuller
  readonly #deps: PullerDeps
  readonly #log: PullerLog
  #lease: LeaseRecord | null = null
  #abort: AbortController | null = null
  #loop: Promise<void> = Promise.resolve()

  constructor(options: ReadPuller, deps: PullerDeps) {
    this.options = options
    this.#deps = deps
    this.#log = new PullerLog(options.source, deps)
  }

  get status(): PullerStatus {
    const { name, source } = this.options
    return { name, source, holds: this.#lease !== null, ...this.#log.facts }
  }

  /** Asks at once, and then again and again. */
  start(): void {
    if (!this.#abort) {
      this.#abort = new AbortController()
      this.#loop = this.#run(this.#abort.signal)
    }
  }

  /** Asks no more, and lets another node ask. */
  async stop(): Promise<void> {
    this.#abort?.abort()
    this.#abort = null
    await this.#loop
    await this.#release()
  }

  /** One answer without starting. Failures are reported, never thrown. */
  async pullOnce(signal: AbortSignal): Promise<void> {
    await this.#pull(signal)
    if (!this.#abort) {
      await this.#release()
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#pull(signal)
      const wait = this.#log.facts.failures === 0 ? this.options.interval : this.#jittered()
      await sleep(this.#deps.clock, wait, signal)
    }
  }

  async #pull(signal: AbortSignal): Promise<void> {
    const { counters } = this.#deps
    const { name, source, missing } = this.options
    try {
      if (signal.aborted || !(await this.#acquire())) {
        return
      }
      counters.increment(`pullers.${name}.asked`)
      const answer = readAnswer(source, await this.#ask(signal), this.#deps.nameOf)
      const problems = [...answer.problems, ...(await this.#kept(answer))]
      if (!(await this.#stillHolds())) {
        return
      }
      const { definitions } = answer
      const by = this.#deps.nodeId
      const synced = await this.#deps.events.syncSource(source, definitions, {
        ...{ missing, problems, by },
      })
      this.#log.succeeded(definitions.length, synced.problems)
    } catch (error) {
      if (!signal.aborted) {
        await this.#log.failed(error)
      }
    }
  }

  /** The answer, or the timeout; a `fetch` that ignores its signal is not waited for. */
  async #ask(signal: AbortSignal): Promise<unknown> {
    const { source, timeout, fetch } = this.options
    const limit = new AbortController()
    const timer = this.#deps.clock.timer(timeout, () => {
      limit.abort(new E_SOURCE_TIMEOUT([source, String(timeout)]))
    })
    const over = AbortSignal.any([signal, limit.signal])
    const { promise, reject } = Promise.withResolvers<never>()
    const giveUp = () => reject(over.reason as Error)
    over.addEventListener('abort', giveUp, { once: true })
    try {
      return await Promise.race([promise, (async () => fetch(over))()])
    } finally {
      timer.cancel()
      over.removeEventListener('abort', giveUp)
    }
  }

  /**
   * Events that must not count as gone: a definition without a key may be of any of them.
   *
   * @throws E_SOURCE_EMPTY
   */
  async #kept(answer: ReturnType<typeof readAnswer>): Promise<SourceProblem[]> {
    const { source, allowEmpty } = this.options
    const isEmpty = answer.definitions.length === 0 && answer.problems.length === 0
    if (answer.unnamed === 0 && (!isEmpty || allowEmpty)) {
      return []
    }
    const pages = await Array.fromAsync(pagesOfEvents(this.#deps.storage, { source }))
    const events = pages.flat()
    if (isEmpty) {
      const held = events.filter((event) => !isGone(event))
      if (held.length > 0) {
        throw new E_SOURCE_EMPTY([source, String(held.length)])
      }
      return []
    }
    const named = new Set([...answer.definitions, ...answer.problems].map(({ key }) => key))
    const message = `it is kept although it is not in the answer: ${answer.unnamed} definitions there have no key`
    return events
      .filter((event) => !named.has(event.sourceKey) && !isGone(event))
      .map(({ sourceKey: key }) => ({ key, message }))
  }

  async #acquire(): Promise<boolean> {
    const { storage, clock, nodeId } = this.#deps
    const lease = { now: clock.nowOrNull(), name: this.#leaseName, owner: nodeId, ttl: this.#ttl }
    this.#lease = await storage.leases.acquire(lease)
    return this.#lease !== null
  }

  /** Another node may have asked since: its newer answer stands. */
  async #stillHolds(): Promise<boolean> {
    const { storage, clock } = this.#deps
    const { name, owner, term } = this.#lease!
    const now = clock.nowOrNull()
    const holds = await storage.leases.renew({ now, name, owner, term, ttl: this.#ttl })
    this.#lease = holds ? this.#lease : null
    return holds
  }

  async #release(): Promise<void> {
    const { storage, clock, logger } = this.#deps
    const lease = this.#lease
    this.#lease = null
    if (lease) {
      const { name, owner, term } = lease
      await storage.leases
        .release({ now: clock.nowOrNull(), name, owner, term })
        .catch((error: unknown) => {
          const { source } = this.options
          logger.warn({ err: error, source }, 'The lease of a source ends by itself')
        })
    }
  }

  get #leaseName(): string {
    return `puller:${this.options.name}`
  }

  /** The lease outlives the answer and two waits, so that it stays with a node that lives. */
  get #ttl(): number {
    const { interval, timeout } = this.options
    return timeout + 2 * Math.max(interval, this.#backoff(this.#log.facts.failures + 1))
  }

  #backoff(failures: number): number {
    const { interval, maxBackoff } = this.options
    const first = Math.min(interval, FIRST_BACKOFF)
    return Math.min(maxBackoff, first * 2 ** Math.min(failures - 1, 30))
  }

  #jittered(): number {
    const { random = Math.random } = this.#deps
    const wait = this.#backoff(this.#log.facts.failures)
    return Math.round(wait * (1 - JITTER + 2 * JITTER * random()))
  }
}

/** It went before: nothing is lost when the answer has it not. */
function isGone({ status, statusBy }: EventRecord): boolean {
  return status === 'cancelled' || (status === 'paused' && statusBy === 'source')
}
