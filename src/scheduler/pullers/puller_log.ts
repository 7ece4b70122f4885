import type { Clock } from '../../clock.ts'
import type { Counters } from '../../counters.ts'
import type { Storage } from '../../storage/contract.ts'
import type { SourceProblem } from '../../types/events.ts'
import type { Logger } from '../../types/logger.ts'

/** How an API fares, as the node tells that asks it. Instants are epoch ms (UTC). */
export type PullerFacts = {
  /** null: no answer was taken over yet by this process. */
  lastSuccessAt: number | null
  lastErrorAt: number | null
  /** The last failure, also when it is over; null when there was none. */
  lastError: string | null
  /** Failures in a row; 0 = well. */
  failures: number
  /** Definitions of the last answer that was taken over. */
  definitions: number | null
  /** How many of them were refused, and the first of them. */
  refused: number
  firstRefused: { key: string; message: string } | null
}

export type PullerStatus = PullerFacts & {
  name: string
  source: string
  /** Whether this node is the one that asks. */
  holds: boolean
}

interface Deps {
  storage: Storage
  clock: Clock
  logger: Logger
  counters: Counters
  nodeId: string
}

/** Counts what comes of asking; a failure is told when it begins and when it is over. */
export class PullerLog {
  readonly #source: string
  readonly #deps: Deps
  #facts: PullerFacts = {
    ...{ lastSuccessAt: null, lastErrorAt: null, lastError: null, failures: 0 },
    ...{ definitions: null, refused: 0, firstRefused: null },
  }

  constructor(source: string, deps: Deps) {
    this.#source = source
    this.#deps = deps
  }

  get facts(): PullerFacts {
    return this.#facts
  }

  succeeded(definitions: number, problems: SourceProblem[]): void {
    const { clock, logger } = this.#deps
    const { failures } = this.#facts
    if (failures > 0) {
      logger.info({ source: this.#source, failures }, `Source "${this.#source}" is back`)
    }
    this.#facts = {
      ...this.#facts,
      ...{ lastSuccessAt: clock.now(), failures: 0, definitions },
      ...{ refused: problems.length, firstRefused: problems.at(0) ?? null },
    }
  }

  async failed(error: unknown): Promise<void> {
    const { clock, logger, counters } = this.#deps
    const source = this.#source
    const lastError = error instanceof Error ? error.message : String(error)
    const failures = this.#facts.failures + 1
    this.#facts = { ...this.#facts, failures, lastError, lastErrorAt: clock.now() }
    counters.increment(`sources.${source}.errors`)
    if (failures > 1) {
      logger.debug({ err: error, source, failures }, `Source "${source}" still fails`)
      return
    }
    logger.error({ err: error, source }, `Source "${source}" fails; its events stay as they are`)
    await this.#journal(lastError)
  }

  async #journal(message: string): Promise<void> {
    const { storage, clock, logger, nodeId } = this.#deps
    const source = this.#source
    const kind = 'source.problem' as const
    const entries = [{ kind, actor: nodeId, subject: source, after: { message } }]
    try {
      await storage.journal.append({ now: clock.nowOrNull(), entries })
    } catch (error) {
      logger.warn({ err: error, source }, 'A failing source is not in the journal')
    }
  }
}
