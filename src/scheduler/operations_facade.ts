import type { ControlChange, ControlTarget } from '../storage/contract.ts'
import type { ControlRecord } from '../types/controls.ts'
import { newId } from '../ids.ts'
import { LEADER_LEASE } from '../loop/leader.ts'
import { defaultsOf } from '../loop/slot_execution.ts'
import { backfill, type BackfillReport } from './backfill/backfill.ts'
import type { BackfillOptions } from './backfill/options.ts'
import {
  exportLines,
  importLines,
  type BackupDeps,
  type ExportOptions,
  type ImportReport,
} from './backup/main.ts'
import type { ImportOptions } from './backup/options.ts'
import {
  readLimit,
  readTarget,
  type LimitOptions,
  type PauseOptions,
  type ResumeOptions,
} from './controls.ts'
import {
  DeadLetters,
  type DeadLetterFilter,
  type RedriveOptions,
  type Redriven,
} from './dead_letters.ts'
import { forecast, type Forecast } from './forecast/forecast.ts'
import type { ForecastOptions } from './forecast/options.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import { monitor, type FailedSnapshot, type MonitorOptions, type Snapshot } from './monitor.ts'
import { readGraph, type DependencyGraph } from './workflows/graph.ts'
import { ProcessFacade } from './process_facade.ts'
import { storedStatus } from './status.ts'

/**
 * The part of the facade that operators use: seeing ahead, making up for what
 * was missed, watching, and moving definitions from store to store.
 */
export abstract class OperationsFacade extends ProcessFacade {
  /**
   * The runs of all events in a window, and the load they make.
   *
   * @throws E_INVALID_INPUT
   */
  async forecast(options: ForecastOptions = {}): Promise<Forecast> {
    this.gate.check()
    const { storage, parts, deps } = this
    const { concurrency } = deps.config
    const { triggers } = parts
    return forecast({ storage, clock: deps.clock, triggers, concurrency }, options)
  }

  /**
   * Queues the slots of a window of the past that were not run; each slot once,
   * whoever else backfills or fires at the same time.
   *
   * @throws E_EVENT_NOT_FOUND, E_INVALID_INPUT, E_BACKFILL_TOO_LARGE, E_BACKFILL_CONFLICT
   * @throws E_EVENT_TRANSITION when the event is cancelled
   */
  async backfill(eventId: string, options: BackfillOptions): Promise<BackfillReport> {
    this.gate.check()
    const { storage, parts, deps } = this
    const { triggers, events, registry, jobs } = parts
    const { clock, notifier } = deps
    const defaults = defaultsOf(registry)
    const wake = () => jobs.wake()
    const { profiles } = deps.config
    const { children } = events
    const given = { storage, clock, notifier, triggers, events, defaults, profiles, children, wake }
    return backfill(given, eventId, options)
  }

  /**
   * What the store tells, again and again, until the signal aborts or the
   * process shuts down. A look that fails is told as one with its error.
   *
   * @throws E_INVALID_INPUT
   */
  monitor(options: MonitorOptions = {}): AsyncGenerator<Snapshot | FailedSnapshot, void, void> {
    this.gate.check()
    const { storage, deps } = this
    const { clock } = deps
    const closing = this.closing.signal
    return monitor({ storage, clock, closing, read: () => this.storedStatus() }, options)
  }

  /** The definitions of all events as JSON Lines, the header first. */
  export(options: ExportOptions = {}): AsyncGenerator<string, void, void> {
    this.gate.check()
    return exportLines({ storage: this.storage, clock: this.deps.clock }, options)
  }

  /**
   * Takes over what `export` gave, line by line. Next slots are computed from
   * now, and nothing of the past is run unless `backfillFrom` says so.
   *
   * @throws E_IMPORT_FORMAT, E_INVALID_INPUT
   */
  async import(
    lines: AsyncIterable<string> | Iterable<string>,
    options: ImportOptions = {}
  ): Promise<ImportReport> {
    this.gate.check()
    return importLines(this.#backupDeps(), lines, options)
  }

  /**
   * Lets nothing more begin: of a queue, a handler, on a node, or at all. What
   * runs goes on; what is queued stays, on every node, until it is resumed.
   * With `all` no slot fires either: the misfire policies decide afterwards, as
   * they do after a time in which no node worked.
   *
   * @returns false when it was paused already
   * @throws E_INVALID_INPUT
   */
  async pause(options: PauseOptions): Promise<boolean> {
    this.gate.check()
    const { target, reason, by } = readTarget('pause', options)
    return this.#control({ ...target, change: { kind: 'pause', reason } }, by)
  }

  /**
   * Ends a pause. @returns false when it was not paused
   *
   * @throws E_INVALID_INPUT
   */
  async resume(options: ResumeOptions): Promise<boolean> {
    this.gate.check()
    const { target, by } = readTarget('resume', options)
    return this.#control({ ...target, change: { kind: 'resume' } }, by)
  }

  /**
   * Limits how much of a handler runs, in place of what its options say, field
   * by field, until it is reset.
   *
   * @returns false when that is what was set already
   * @throws E_INVALID_INPUT
   */
  async setLimit(options: LimitOptions): Promise<boolean> {
    this.gate.check()
    const { handler, limits, reason, by } = readLimit(options)
    const change = { kind: 'limit' as const, limits, reason }
    return this.#control({ scope: 'handler', name: handler, change }, by)
  }

  /**
   * The events that depend on each other, each with its newest execution; with
   * an id those around one event.
   *
   * @throws E_EVENT_NOT_FOUND
   */
  async graph(eventId?: string): Promise<DependencyGraph> {
    this.gate.check()
    return readGraph(this.storage, eventId)
  }

  /** Every pause and every limit. */
  async controls(): Promise<ControlRecord[]> {
    this.gate.check()
    return this.storage.controls.list()
  }

  async #control(change: ControlTarget & { change: ControlChange }, by: string): Promise<boolean> {
    const now = this.deps.clock.nowOrNull()
    const written = await this.storage.controls.change({ now, changes: [change], by })
    this.parts.loop.wake()
    this.parts.jobs.controlsChanged()
    return written.length > 0
  }

  /**
   * Executions that are over without success (failed, timed_out, abandoned)
   * and were not redriven, newest first; 100 where the filter says nothing.
   *
   * @throws E_INVALID_INPUT
   */
  async deadLetters(filter: DeadLetterFilter = {}): Promise<ExecutionRecord[]> {
    this.gate.check()
    return this.#deadLetters().list(filter)
  }

  /**
   * Runs one dead letter again, or all that a filter finds, as new executions;
   * the journal has who and why (`execution.redriven`).
   *
   * @throws E_EXECUTION_NOT_FOUND, E_EXECUTION_NOT_DEAD, E_EXECUTION_REDRIVEN, E_INVALID_INPUT
   */
  async redrive(
    which: string | DeadLetterFilter,
    options: RedriveOptions = {}
  ): Promise<Redriven[]> {
    this.gate.check()
    return this.#deadLetters().redrive(which, options)
  }

  #deadLetters(): DeadLetters {
    const { storage, parts, deps } = this
    return new DeadLetters({ ...deps, storage, wake: () => parts.jobs.wake() })
  }

  /** The part of the status that the store knows. */
  protected storedStatus() {
    return storedStatus(this.storage, {
      now: this.deps.clock.nowOrNull(),
      lease: LEADER_LEASE,
      knows: (handler) => this.parts.registry.has(handler),
    })
  }

  #backupDeps(): BackupDeps {
    const { storage, parts, deps } = this
    const { triggers, registry: handlers } = parts
    const { clock, logger, notifier, config } = deps
    const { maxPayload, maxMeta, profiles } = config
    return {
      ...{ storage, clock, logger, notifier },
      plan: { triggers, newId, defaults: defaultsOf(handlers), profiles },
      fields: { triggers, handlers, maxPayload, maxMeta, profiles, knownHandlersOnly: false },
      backfill: async (id, options) => {
        const { queued } = await this.backfill(id, options)
        return queued
      },
      wake: () => {
        parts.loop.wake()
        parts.jobs.wake()
      },
    }
  }
}
