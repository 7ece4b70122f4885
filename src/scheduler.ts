import { isOutcome } from './executions/state.ts'
import type { EventManager } from './events/event_manager.ts'
import type { SourceResult } from './events/source_sync.ts'
import { CODE_SOURCE, CodeSource } from './scheduler/code_source.ts'
import { readAuthor } from './scheduler/author.ts'
import { EnqueuedExecution } from './scheduler/enqueued.ts'
import { executionReader } from './scheduler/execution_reader.ts'
import { FakeAlmanac, fakedEvents } from './scheduler/fake.ts'
import { OperationsFacade } from './scheduler/operations_facade.ts'
import { allPullers } from './scheduler/pullers/pullers.ts'
import { allProblems, type AlmanacStatus } from './scheduler/status.ts'
import type * as types from './scheduler/types.ts'
import {
  addChain,
  Workflow,
  type ChainLink,
  type EnqueuedWorkflow,
} from './scheduler/workflows/workflow.ts'
import { waitForEnd, watchJournal, type WaitOptions, type WatchOptions } from './scheduler/watch.ts'
import type { PreviewOptions } from './triggers/main.ts'
import type { EventInput } from './types/events.ts'
import type { ExecutionRecord } from './types/executions.ts'
import type { HandlerReference, PayloadOf } from './types/handlers.ts'
import type { JournalEntry } from './types/journal.ts'
import type { Trigger } from './types/triggers.ts'

/**
 * Almanac as the host app sees it: the `almanac` binding. Every method throws
 * E_ALMANAC_NOT_READY before the app has booted and after it was shut down,
 * and, where it reads or writes the store, E_SCHEMA_OUTDATED as long as the
 * migrations have not been run.
 */
export class Scheduler extends OperationsFacade {
  readonly #code = new CodeSource()
  readonly #reader = executionReader(this.parts.tracker, this.storage)
  #fake: FakeAlmanac | null = null

  // ----------------------------------------------------------------- events

  get events(): types.Events {
    this.gate.check()
    const { events } = this.parts
    return this.#fake ? fakedEvents(events, (id, options) => this.trigger(id, options)) : events
  }

  /**
   * Defines an event in code (start/almanac.ts). Working processes bring the
   * store in step when they start: an event that is no longer defined is
   * paused by its source, and goes on when it is defined again.
   *
   * @throws E_EVENT_EXISTS when the name is defined twice
   */
  schedule<H extends HandlerReference>(definition: EventInput<H>): void {
    this.gate.check()
    this.#code.add(definition as EventInput, (ref) => this.parts.registry.nameOf(ref))
  }

  /** Brings the events of one source in step with its definitions, each judged alone. */
  async syncSource(
    ...[source, definitions, options]: Parameters<EventManager['syncSource']>
  ): Promise<SourceResult> {
    this.gate.check()
    return this.parts.events.syncSource(source, definitions, options)
  }

  /**
   * Runs an event now, beside its own slots.
   *
   * @throws E_EVENT_NOT_FOUND
   */
  async trigger(eventId: string, options: types.TriggerOptions = {}): Promise<ExecutionRecord> {
    this.gate.check()
    if (this.#fake) {
      return this.#fake.recordTrigger(eventId, options.payload, this.deps.clock.now())
    }
    return this.parts.events.trigger(eventId, options)
  }

  /** The slots of a trigger: `from` inclusive or `after` exclusive. */
  preview(trigger: Trigger, options: PreviewOptions): Date[] {
    this.gate.check()
    return this.parts.triggers.preview(trigger, options)
  }

  /** English words for a trigger. */
  describe(trigger: Trigger): string {
    this.gate.check()
    return this.parts.triggers.describe(trigger)
  }

  // ------------------------------------------------------------- executions

  /**
   * Queues one run of a handler.
   *
   * @throws E_UNKNOWN_HANDLER, E_INVALID_INPUT, E_PAYLOAD_NOT_JSON, E_PAYLOAD_TOO_LARGE, E_EMPTY_KEY, E_CLIENT_MISMATCH
   */
  async enqueue<H extends HandlerReference>(
    handler: H,
    payload: PayloadOf<H>,
    options: types.EnqueueOptions = {}
  ): Promise<types.Enqueued> {
    this.gate.check()
    const queued = this.#fake
      ? this.#fake.recordEnqueue(handler, payload, options)
      : await this.parts.jobs.enqueue(handler, payload, options)
    return new EnqueuedExecution(queued, (id, wait) => this.waitFor(id, wait))
  }

  /** A graph of executions that is queued as a whole: add its steps, then enqueue it. */
  workflow(): Workflow {
    this.gate.check()
    const fake = this.#fake
    const { jobs, registry } = this.parts
    return new Workflow({
      plan: (handler, payload, options) => {
        const planned = jobs.plan(handler, payload, options)
        fake?.recordEnqueue(registry.nameOf(handler), payload, options)
        return planned
      },
      enqueue: async (executions, client) =>
        fake ? undefined : jobs.enqueueRun(executions, client),
      waitFor: (id, wait) => this.waitFor(id, wait),
    })
  }

  /**
   * Queues executions that run one after the other, each when the one before
   * has succeeded; `context.parents` has what that returned.
   *
   * @throws as `workflow().enqueue` does
   */
  async chain(
    links: ChainLink[],
    options: Pick<types.EnqueueOptions, 'client'> = {}
  ): Promise<EnqueuedWorkflow> {
    const nameOf = (handler: HandlerReference) => this.parts.registry.nameOf(handler)
    return addChain(this.workflow(), links, nameOf).enqueue(options)
  }

  /** Reading what ran: find, history, logs, stats. */
  get executions(): types.ExecutionReader {
    this.gate.check()
    return this.#reader
  }

  /**
   * Executions, newest first.
   *
   * @throws E_INVALID_INPUT
   */
  async history(filter: types.HistoryFilter = {}): Promise<ExecutionRecord[]> {
    return this.executions.history(filter)
  }

  /** Totals over whole UTC days; default: the last seven. */
  async stats(query: types.StatsQuery = {}): Promise<types.ExecutionStats> {
    return this.executions.stats(query)
  }

  /**
   * @returns `cancelled` when it had not been claimed, `requested` when a node
   * is asked to stop it, null when it has ended
   * @throws E_EXECUTION_NOT_FOUND, E_INVALID_INPUT
   */
  async cancel(
    executionId: string,
    options: types.CancelOptions = {}
  ): Promise<'cancelled' | 'requested' | null> {
    this.gate.check()
    const { by, reason } = readAuthor('The cancel', options)
    return this.parts.jobs.cancel(executionId, { by, ...(reason !== null && { reason }) })
  }

  /**
   * The execution once it has ended; as it is when the signal aborts or the timeout is up.
   *
   * @throws E_INVALID_INPUT
   */
  async waitFor(executionId: string, options: WaitOptions = {}): Promise<ExecutionRecord | null> {
    this.gate.check()
    const isOver = ({ state }: ExecutionRecord) => isOutcome(state)
    return waitForEnd(this.#waiting(), executionId, isOver, options)
  }

  // -------------------------------------------------------------- the whole

  async status(): Promise<AlmanacStatus> {
    this.gate.check()
    const { nodeId, loop, jobs } = this.parts
    const [stored, controls] = await Promise.all([this.storedStatus(), this.controls()])
    const pullers = allPullers(this.pullers.status(), stored.nodes, nodeId)
    return {
      state: this.state,
      node: nodeId,
      enabled: this.deps.config.enabled,
      isLeader: loop.isLeader,
      ...stored,
      paused: controls.filter(({ pausedAt }) => pausedAt !== null),
      capacity: jobs.capacity(),
      counters: this.deps.counters.all(),
      pullers,
      problems: allProblems(this.parts, this.chores, pullers),
    }
  }

  /** The journal (who did what, leader changes, missed ranges) in order, as it grows. */
  watch(options: WatchOptions = {}): AsyncGenerator<JournalEntry, void, void> {
    this.gate.check()
    return watchJournal(this.#waiting(), options)
  }

  /** Records `enqueue` and `trigger` in tests, until it is disposed of or restored. */
  fake(): FakeAlmanac {
    this.gate.check()
    const before = this.#fake
    this.#fake = new FakeAlmanac({
      nameOf: (reference) => this.parts.registry.nameOf(reference),
      restore: () => (this.#fake = before),
    })
    return this.#fake
  }

  #waiting() {
    const { clock } = this.deps
    return { storage: this.storage, clock, closing: this.closing.signal }
  }

  protected override async syncCode(): Promise<void> {
    const { events, registry } = this.parts
    const nameOf = (handler: HandlerReference) => registry.nameOf(handler)
    const { definitions, problems } = this.#code.all(registry.classes(), nameOf)
    const answer = await events.syncSource(CODE_SOURCE, definitions, { missing: 'pause', problems })
    for (const { key, message } of answer.problems) {
      this.chores.note(`event "${key}" of ${this.#code.placeOf(key)}`, new Error(message))
    }
  }
}
