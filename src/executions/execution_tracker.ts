import { Counters } from '../counters.ts'
import { E_EXECUTION_NOT_FOUND } from '../errors.ts'
import { toIso } from '../triggers/instant.ts'
import { readHistoryFilter, type HistoryFilter } from './history_filter.ts'
import { LogBuffer } from './log_buffer.ts'
import { readLogQuery, type LogQuery } from './log_query.ts'
import { announceChildren, endedNotice, errorNotice, executionNotice } from './notices.ts'
import { ProgressBoard, type StoredProgress } from './progress.ts'
import { SettleQueue } from './settle_queue.ts'
import { summarize, type ExecutionStats } from './stats.ts'
import { readStatsQuery, type StatsQuery } from './stats_query.ts'
import type { Clock } from '../clock.ts'
import type { Report } from '../input/fields.ts'
import type { Settlement, SettleResult, Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { ExecutionError, ExecutionLogEntry, ExecutionRecord } from '../types/executions.ts'
import type { ExecutionLogger, LogLevel, Progress } from '../types/handlers.ts'
import type { Logger } from '../types/logger.ts'
import type { Notifier } from '../types/notifications.ts'

/** Failed tries of a batch after which it is written without the logs that go before it. */
const LOG_TRIES = 3

interface Deps {
  storage: Storage
  notifier: Notifier
  clock: Clock
  logger: Logger
  nodeId: string
  config: Pick<CoreConfig, 'lease'>
  counters?: Counters
}

export type { HistoryFilter } from './history_filter.ts'

export type { StatsQuery } from './stats_query.ts'

export type { LogQuery } from './log_query.ts'

/**
 * Follows executions from their start to their end and keeps their history:
 * batched settles that survive an outage, progress, logs, statistics.
 */
export class ExecutionTracker {
  readonly #deps: Deps
  readonly #counters: Counters
  readonly #settles: SettleQueue
  readonly #logs: LogBuffer
  readonly #progress: ProgressBoard
  /** Start on the monotonic scale, by id of the attempt. */
  readonly #running = new Map<string, number>()

  constructor(deps: Deps) {
    this.#deps = deps
    this.#counters = deps.counters ?? new Counters()
    const shared = { ...deps, counters: this.#counters }
    this.#logs = new LogBuffer(shared)
    this.#progress = new ProgressBoard(deps.clock)
    this.#settles = new SettleQueue({
      ...shared,
      running: () => this.#running.size,
      beforeWrite: (failures) => this.#storeLogs(failures),
    })
  }

  /** The handler of this execution begins now. */
  started(execution: ExecutionRecord): void {
    this.#running.set(attemptId(execution), this.#deps.clock.monotonic())
    this.#counters.increment('executions.started')
    const at = execution.startedAt ?? this.#deps.clock.now()
    this.#deps.notifier.emit('execution:started', executionNotice(execution, at))
  }

  /** This attempt ends without a settlement: its lease was lost. */
  left(execution: ExecutionRecord): void {
    this.#running.delete(attemptId(execution))
    this.#progress.forget(execution.id)
  }

  /**
   * Stores how an attempt ended, and announces it once it is stored. Resolves
   * when the storage has answered, however long it is away.
   *
   * @param execution of the attempt; without it nothing is announced
   * @returns false when the attempt no longer owned the execution: nothing was stored
   */
  settle(settlement: Settlement, execution?: ExecutionRecord): Promise<boolean> {
    return new Promise((resolve) => this.end(settlement, execution, resolve))
  }

  /** `settle` for the many: what follows is called, not awaited. */
  end(
    settlement: Settlement,
    execution: ExecutionRecord | undefined,
    stored: (applied: boolean) => void
  ): void {
    const begun = execution && this.#running.get(attemptId(execution))
    const duration = begun === undefined ? null : this.#deps.clock.monotonic() - begun
    const progress = settlement.progress ?? this.#progress.unstored(settlement.id)
    const complete = progress === null ? settlement : { ...settlement, progress }
    this.#settles.add(complete, (result) =>
      stored(this.#stored(result, settlement, execution, duration))
    )
  }

  #stored(
    result: SettleResult,
    settlement: Settlement,
    execution: ExecutionRecord | undefined,
    duration: number | null
  ): boolean {
    this.#running.delete(attemptId(settlement))
    this.#progress.forget(settlement.id)
    if (!result.applied) {
      this.#counters.increment('settles.refused')
      this.#deps.logger.warn(
        { executionId: settlement.id, attempt: settlement.attempt, to: settlement.to },
        'The end of an attempt was refused: it no longer owned its execution'
      )
      return false
    }
    announceChildren({ ...this.#deps, counters: this.#counters }, result.children)
    if (execution) {
      this.#announce(result.to ?? settlement.to, settlement, execution, duration)
    }
    return true
  }

  /**
   * Notes progress; the latest wins. It is stored with the next renewal of the lease.
   *
   * @param report told of what cannot be read, which is left out
   */
  progress(execution: ExecutionRecord, progress: Progress | number, report?: Report): void {
    if (this.#progress.set(execution.id, progress, report)) {
      const value = this.#progress.unstored(execution.id) ?? {}
      this.#deps.notifier.emit('execution:progress', {
        ...executionNotice(execution, this.#deps.clock.now()),
        progress: value,
      })
    }
  }

  /** The progress that waits to be stored, null when there is none. */
  unstoredProgress(executionId: string): StoredProgress | null {
    return this.#progress.unstored(executionId)
  }

  progressStored(executionId: string, value: StoredProgress): void {
    this.#progress.markStored(executionId, value)
  }

  /** The execution's own log, for one attempt: entries of `level` and above. */
  loggerFor(
    execution: Pick<ExecutionRecord, 'id' | 'attempt'>,
    level: LogLevel = 'trace'
  ): ExecutionLogger {
    return this.#logs.loggerFor(execution, level)
  }

  /**
   * Executions, newest first.
   *
   * @throws E_INVALID_INPUT with every problem of the filter
   */
  async history(filter: HistoryFilter = {}): Promise<ExecutionRecord[]> {
    return this.#deps.storage.executions.list(readHistoryFilter(filter))
  }

  async find(id: string): Promise<ExecutionRecord | null> {
    return this.#deps.storage.executions.find(id)
  }

  /** The open execution with this dedupe key; the newest ended one when none is open. */
  async findByDedupeKey(key: string): Promise<ExecutionRecord | null> {
    return this.#deps.storage.executions.findByDedupeKey(key)
  }

  /** @throws E_EXECUTION_NOT_FOUND */
  async get(id: string): Promise<ExecutionRecord> {
    const execution = await this.find(id)
    if (!execution) {
      throw new E_EXECUTION_NOT_FOUND([id])
    }
    return execution
  }

  /**
   * Log entries in order of attempt and sequence, those of this node that
   * still wait included.
   *
   * @throws E_INVALID_INPUT with every problem of the query
   */
  async logs(executionId: string, query: LogQuery = {}): Promise<ExecutionLogEntry[]> {
    const filter = readLogQuery(query)
    await this.#logs.flush()
    return this.#deps.storage.logs.read({ executionId, ...filter })
  }

  /**
   * Totals over whole UTC days.
   *
   * @throws E_INVALID_INPUT with every problem of the query
   */
  async stats(query: StatsQuery = {}): Promise<ExecutionStats> {
    const filter = readStatsQuery(query, this.#deps.clock.now())
    const rows = await this.#deps.storage.stats.read(filter)
    return summarize(rows, filter.from, filter.to)
  }

  /** Writes all that waits: outcomes, then logs. Waits for the storage while it is away. */
  async flush(): Promise<void> {
    await this.#settles.flush()
    await this.#logs.flush()
  }

  /** Undoes `stop`. */
  open(): void {
    this.#settles.open()
  }

  /**
   * As flush, but gives up at the first failure of the storage, then and from
   * now on: what it does not take is left to the rescue.
   */
  async stop(): Promise<void> {
    await this.#settles.stop()
    try {
      await this.#logs.flush()
    } catch (error) {
      this.#deps.logger.error({ err: error }, 'Execution logs were not stored before the stop')
      this.#logs.drop()
    }
  }

  /** The logs of an attempt are refused once it has ended: they go first. */
  async #storeLogs(failures: number): Promise<void> {
    if (failures < LOG_TRIES) {
      await this.#logs.flush()
      return
    }
    try {
      await this.#logs.flush()
    } catch (error) {
      this.#deps.logger.debug({ err: error }, 'Execution logs wait for the storage')
    }
  }

  #announce(
    to: Settlement['to'],
    settlement: Settlement,
    execution: ExecutionRecord,
    duration: number | null
  ): void {
    const { delay = 0, error = null, reason = null } = settlement
    if (to === 'release' || to === 'discard') {
      this.#counters.increment(to === 'release' ? 'executions.released' : 'executions.discarded')
      return
    }
    const now = this.#deps.clock.now()
    if (to === 'retry') {
      this.#counters.increment('executions.retried')
      this.#deps.logger.info(about(execution, error), `An attempt failed and is tried again`)
      this.#deps.notifier.emit('execution:retried', {
        ...executionNotice(execution, now),
        error: errorNotice(error),
        availableAt: toIso(now + delay),
      })
      return
    }
    this.#counters.increment(`executions.${to}`)
    if (to === 'failed' || to === 'timed_out') {
      this.#deps.logger.error(about(execution, error), `An execution ended as ${to}`)
    }
    this.#deps.notifier.emit(
      `execution:${to}`,
      endedNotice(execution, { outcome: to, duration, reason, error }, now)
    )
  }
}

/** What a log line says of an attempt. */
function about(execution: ExecutionRecord, err: ExecutionError | null): object {
  const { id, eventId, handler, attempt } = execution
  return { executionId: id, eventId, handler, attempt, err }
}

/** Ids hold no slash, and most executions have one attempt: its id then is the text that is there. */
function attemptId({ id, attempt }: { id: string; attempt: number }): string {
  return attempt === 1 ? id : `${id}/${attempt}`
}
