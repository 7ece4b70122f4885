import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { toJson } from '../json.ts'
import { isError, toExecutionError } from './error_record.ts'
import type { Storage } from '../storage/contract.ts'
import type { ExecutionLogEntry, ExecutionRecord } from '../types/executions.ts'
import { LOG_LEVELS } from '../types/handlers.ts'
import type { ExecutionLogger, LogLevel } from '../types/handlers.ts'
import type { JsonObject } from '../types/json.ts'
import type { Logger } from '../types/logger.ts'

/** Entries kept of one attempt. */
export const MAX_LOG_ENTRIES = 1_000
/** Characters of a message, and bytes of its data. */
const MAX_MESSAGE = 8_000
const MAX_DATA = 16_384
/** Entries that wait on this node for the storage. */
const MAX_BUFFERED = 20_000
/** Written after so many ms, or so many entries. */
const WINDOW = 250
const MAX_BATCH = 500

interface Deps {
  storage: Storage
  clock: Clock
  logger: Logger
  counters: Counters
  nodeId: string
}

/**
 * The executions' own logs: gathered and written in batches, capped per
 * attempt and per node, so that a chatty handler harms nobody.
 */
export class LogBuffer {
  readonly #deps: Deps
  #entries: ExecutionLogEntry[] = []
  #timer: { cancel(): void } | null = null
  #flushing: Promise<void> | null = null
  #failing = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** The logger of one attempt: entries of `lowest` and above. */
  loggerFor(execution: Pick<ExecutionRecord, 'id' | 'attempt'>, lowest: LogLevel): ExecutionLogger {
    const kept = new Set(LOG_LEVELS.slice(LOG_LEVELS.indexOf(lowest)))
    let seq = 0
    const write = (level: LogLevel, message: string, data?: Record<string, unknown>) => {
      if (!kept.has(level)) {
        return
      }
      if (seq > MAX_LOG_ENTRIES) {
        this.#deps.counters.increment('logs.dropped')
        return
      }
      seq++
      const full = seq > MAX_LOG_ENTRIES
      this.#add({
        executionId: execution.id,
        attempt: execution.attempt,
        seq,
        at: this.#deps.clock.now(),
        level: full ? 'warn' : level,
        message: full
          ? `The log is full: more than ${MAX_LOG_ENTRIES} entries`
          : String(message).slice(0, MAX_MESSAGE).toWellFormed(),
        data: full || data === undefined ? null : storable(data),
      })
    }
    return {
      trace: (message, data) => write('trace', message, data),
      debug: (message, data) => write('debug', message, data),
      info: (message, data) => write('info', message, data),
      warn: (message, data) => write('warn', message, data),
      error: (message, data) => write('error', message, data),
    }
  }

  /** Writes all that waits. @throws what the storage throws; the entries are kept then */
  async flush(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    while (this.#entries.length > 0 || this.#flushing) {
      this.#flushing ??= this.#writeBatch().finally(() => (this.#flushing = null))
      await this.#flushing
    }
  }

  /** Forgets what waits: the attempts' logs could not be stored and are given up. */
  drop(): void {
    this.#deps.counters.increment('logs.dropped', this.#entries.length)
    this.#entries = []
  }

  async #writeBatch(): Promise<void> {
    const batch = this.#entries.slice(0, MAX_BATCH)
    await this.#deps.storage.logs.append({ node: this.#deps.nodeId, entries: batch })
    this.#entries.splice(0, batch.length)
    this.#failing = false
  }

  #add(entry: ExecutionLogEntry): void {
    if (this.#entries.length >= MAX_BUFFERED) {
      this.#deps.counters.increment('logs.dropped')
      return
    }
    this.#entries.push(entry)
    if (this.#entries.length >= MAX_BATCH && !this.#failing) {
      this.#flushInBackground()
    } else {
      this.#timer ??= this.#deps.clock.timer(WINDOW, () => this.#flushInBackground())
    }
  }

  #flushInBackground(): void {
    this.flush().catch((error: unknown) => {
      this.#deps.counters.increment('logs.errors')
      if (!this.#failing) {
        this.#failing = true
        this.#deps.logger.warn({ err: error }, 'Execution logs cannot be stored; they are kept')
      }
      this.#timer ??= this.#deps.clock.timer(WINDOW * 8, () => this.#flushInBackground())
    })
  }
}

/** The data as JSON can carry it; errors are spelled out. */
function storable(data: Record<string, unknown>): JsonObject {
  const plain = Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      isError(value) ? toExecutionError(value) : value,
    ])
  )
  try {
    return JSON.parse(toJson(plain, { field: 'data', limit: MAX_DATA }))
  } catch (error) {
    return { dataNotStored: (error as Error).message }
  }
}
