import { sleep, type Clock } from '../clock.ts'
import { E_STORAGE_UNAVAILABLE } from '../errors.ts'
import type { Counters } from '../counters.ts'
import type { Settlement, SettleResult, Storage } from '../storage/contract.ts'
import type { Logger } from '../types/logger.ts'

/** A batch is written after so many ms, or so many settlements, whichever is first. */
const WINDOW = 5
const MAX_BATCH = 500
/** Batches under way at once while the storage takes them. */
const MAX_WRITES = 3
/** A further batch begins beside others only for so many: few settlements wait for the next turn. */
const CROWD = 50
/** Wait between two tries while the storage does not take a batch, ms. */
const MIN_BACKOFF = 100
const MAX_BACKOFF = 5_000
/** Tries of one settlement alone, with the storage in reach, before it is written without its data. */
const MAX_SOLO_TRIES = 5

interface Deps {
  storage: Storage
  clock: Clock
  logger: Logger
  counters: Counters
  /** How many executions run here: nobody else to wait for means write at once. */
  running: () => number
  /** Runs before each try to write a batch, and may fail it. */
  beforeWrite: (failures: number) => Promise<void>
}

interface Entry {
  settlement: Settlement
  soloTries: number
  stored: (result: SettleResult) => void
}

/**
 * Writes the ends of executions in batches, and goes on trying until the
 * storage has taken them: an outcome is never lost to an outage. A batch that
 * fails is halved, so that one bad settlement does not hold the others.
 */
export class SettleQueue {
  readonly #deps: Deps
  readonly #pending: Entry[] = []
  #closing = new AbortController()
  readonly #writes = new Set<Promise<void>>()
  /** A batch has begun and what belongs to it is not taken out yet. */
  #gathering = false
  /** Settlements in the batches under way. */
  #inWrites = 0
  #window: { cancel(): void } | null = null
  #size = MAX_BATCH
  #failures = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @param stored called once the storage has answered; `applied` is false when the fence did not hold */
  add(settlement: Settlement, stored: (result: SettleResult) => void): void {
    this.#pending.push({ settlement, soloTries: 0, stored })
    this.#schedule()
  }

  /** Writes everything that waits, now. */
  async flush(): Promise<void> {
    while (this.#pending.length > 0 || this.#writes.size > 0) {
      this.#write()
      await Promise.race(this.#writes)
    }
  }

  /** Undoes `stop`. */
  open(): void {
    if (this.#closing.signal.aborted) {
      this.#closing = new AbortController()
    }
  }

  /** Writes what waits in one last try each; what the storage does not take is left to the rescue. */
  async stop(): Promise<void> {
    this.#closing.abort()
    await this.flush()
  }

  #schedule(): void {
    const waiting = this.#pending.length
    const enough = this.#writes.size === 0 ? 1 : CROWD
    if (waiting < enough || !this.#mayWrite) {
      return
    }
    const alone = waiting >= this.#deps.running() - this.#inWrites
    if (alone || waiting >= MAX_BATCH) {
      this.#write()
    } else {
      this.#window ??= this.#deps.clock.timer(WINDOW, () => this.#write())
    }
  }

  /** While the storage fails, one batch at a time feels its way. */
  get #mayWrite(): boolean {
    return !this.#gathering && this.#writes.size < (this.#failures > 0 ? 1 : MAX_WRITES)
  }

  #write(): void {
    this.#window?.cancel()
    this.#window = null
    if (!this.#mayWrite) {
      return
    }
    this.#gathering = true
    const write = this.#drain().finally(() => {
      this.#writes.delete(write)
      this.#schedule()
    })
    this.#writes.add(write)
  }

  async #drain(): Promise<void> {
    // Endings of the same turn of the event loop belong into one batch
    await Promise.resolve()
    this.#gathering = false
    const batch = this.#pending.splice(0, this.#size)
    if (batch.length === 0) {
      return
    }
    this.#inWrites += batch.length
    this.#schedule()
    try {
      await this.#store(batch)
    } finally {
      this.#inWrites -= batch.length
    }
  }

  async #store(batch: Entry[]): Promise<void> {
    try {
      await this.#deps.beforeWrite(this.#failures)
      await this.#settle(batch)
    } catch (error) {
      await this.#failed(batch, error)
      return
    }
    if (this.#failures > 0) {
      this.#deps.logger.info({ tries: this.#failures }, 'Outcomes are stored again')
    }
    this.#failures = 0
    this.#size = Math.min(MAX_BATCH, this.#size * 2)
  }

  async #settle(batch: Entry[]): Promise<void> {
    const results = await this.#deps.storage.executions.settle({
      now: this.#deps.clock.nowOrNull(),
      settlements: batch.map(({ settlement }) => settlement),
    })
    // By place: two attempts of one execution may end in one batch
    batch.forEach(({ settlement, stored }, index) => stored(results[index] ?? refused(settlement)))
  }

  async #failed(batch: Entry[], error: unknown): Promise<void> {
    const { clock, counters, logger } = this.#deps
    this.#failures++
    counters.increment('settles.errors')
    if (this.#failures === 1) {
      logger.error({ err: error }, 'Outcomes cannot be stored; they are kept and tried again')
    }
    if (this.#closing.signal.aborted) {
      this.#giveUp(batch)
      return
    }
    if (batch.length === 1) {
      await this.#failedAlone(batch[0], error)
    }
    this.#pending.push(...batch)
    this.#size = Math.max(1, Math.floor(batch.length / 2))
    const backoff = Math.min(MAX_BACKOFF, MIN_BACKOFF * 2 ** (this.#failures - 1))
    await sleep(clock, backoff, this.#closing.signal)
  }

  /** With the storage in reach, what fails again and again alone is at fault itself. */
  async #failedAlone(entry: Entry, error: unknown): Promise<void> {
    if (error instanceof E_STORAGE_UNAVAILABLE) {
      // Also of a store that can be read and whose write lock another holds for long
      return
    }
    try {
      await this.#deps.storage.now()
    } catch {
      // Out of reach: reported already, and no fault of this settlement
      return
    }
    entry.soloTries++
    if (entry.soloTries === MAX_SOLO_TRIES) {
      const { id } = entry.settlement
      this.#deps.counters.increment('settles.degraded')
      this.#deps.logger.error({ err: error, executionId: id }, `Only the bare outcome is stored`)
      entry.settlement = bareOutcome(entry.settlement, error)
    }
  }

  #giveUp(batch: Entry[]): void {
    this.#deps.counters.increment('settles.abandoned', batch.length)
    this.#deps.logger.error(
      { executionIds: batch.map(({ settlement }) => settlement.id) },
      'Outcomes were not stored before the stop; the rescue will run these executions again'
    )
    for (const { settlement, stored } of batch) {
      stored(refused(settlement))
    }
  }
}

function refused({ id }: Settlement): SettleResult {
  return { id, applied: false, to: null }
}

/** The settlement without the data that the storage may have refused. */
function bareOutcome(settlement: Settlement, refusal: unknown): Settlement {
  const { id, node, attempt, to, startedAt, delay } = settlement
  const said = refusal instanceof Error ? refusal.message : String(refusal)
  const message = `Result, error and progress could not be stored: ${said.slice(0, 500)}`
  return { id, node, attempt, to, startedAt, delay, error: { name: 'Error', message } }
}
