import { sleep } from '../../clock.ts'
import { LONGEST } from '../../duration.ts'
import { E_LEASE_LOST } from '../../errors.ts'
import { Failed, ReleaseSignal, Succeeded } from '../../jobs/outcome.ts'
import { placeOf } from '../../jobs/place.ts'
import type { JsonObject } from '../../types/json.ts'
import { Backoff } from '../backoff.ts'
import { RunCheckpoint } from '../checkpoints/run_checkpoint.ts'
import { FencedError, type Closing } from '../closing.ts'
import { isTransient, type LegacySession } from '../connection.ts'
import type { GroupedClosing, GroupWriteback } from '../group_writeback.ts'
import { Groups } from '../groups.ts'
import type { SourceDeps } from '../runtime.ts'
import type { LegacyTables } from '../tables/main.ts'
import type { Writeback } from '../writeback.ts'
import { endOfThrow, failure, isExplicit } from './failure.ts'
import type { LogicEnd } from './flow_run.ts'
import type { LogicRun } from './logic_run.ts'
import { handsBack, type HandBack } from './hand_back.ts'
import type { RunRescue } from './rescue.ts'
import type { RunCounts } from './runners/runner.ts'
import { Stops, type Stoppable } from './stops.ts'
import { verdictOf, type FlowVerdict } from './verdict.ts'

/** Once the outcome is decided, its write-back is not timed out. */
const CLOSING_TIME = 86_400_000
/** What a flow is told that touches what only its run may write. */
const OWN_ROW = 'its logic changes the DWPRCLOG row of its own run; the run closes that row itself'

interface Deps extends Pick<
  SourceDeps,
  'source' | 'scheduler' | 'connection' | 'clock' | 'logger' | 'counters'
> {
  writeback: Writeback
  group: GroupWriteback
  rescue: RunRescue
  tables: Pick<LegacyTables, 'processLogs' | 'mappings' | 'positions'>
  sessionId: number
}

/**
 * Steps 4 and 5 of a run. An atomic runner works inside the closing
 * transaction: its effects, the logs and the request commit together or not at
 * all. Any other runner works first and the closing transaction follows, tried
 * again for as long as the lease holds.
 */
export class FlowLogic {
  readonly #deps: Deps
  /** The ends of runs that end together. */
  readonly #ends: Groups<GroupedClosing, JsonObject>
  readonly #stops: Stops

  constructor(deps: Deps) {
    this.#deps = deps
    const { logger, counters, source } = deps
    this.#stops = new Stops({ ...deps, grace: source.stopGrace })
    this.#ends = new Groups({
      name: 'ends',
      logger,
      counters,
      one: (closing) => this.#close({ ...closing, endsRequest: true }),
      many: (closings) => deps.group.close(closings),
    })
  }

  /** Only the logic itself stands for a slot of the node: its closing leaves it to the next. */
  async execute(logic: LogicRun): Promise<FlowVerdict> {
    const place = placeOf(logic.context)
    const answer = await place.take(logic.context.signal)
    if (answer !== 'taken') {
      return this.#notBegun(logic, answer)
    }
    return this.#execute(logic, () => place.leave())
  }

  async #execute(logic: LogicRun, leave: () => void): Promise<FlowVerdict> {
    const { runner } = logic.ready.resolved
    if (runner.timeout !== undefined) {
      logic.context.extend(runner.timeout ?? LONGEST)
    }
    let outcome: Stoppable<RunCounts | null>
    try {
      if (runner.atomic) {
        return Succeeded.returned(await this.#inPlace(logic, () => this.#executeAtomic(logic)))
      }
      const work = () => this.#inPlace(logic, () => this.#runLogic(logic))
      outcome = runner.endsByForce
        ? { done: await work() }
        : await this.#stops.around(logic.context, work, (end) => this.#end(logic, end))
    } catch (error) {
      leave()
      return this.#afterThrow(logic, error)
    }
    leave()
    return 'closed' in outcome
      ? outcome.closed
      : this.#end(logic, { status: 'PC', counts: outcome.done, error: null })
  }

  /** With one of the connections that flows may hold, where this one does. */
  #inPlace<T>({ ready, context }: LogicRun, work: () => Promise<T>): Promise<T> {
    return ready.resolved.runner.holdsConnection
      ? this.#deps.connection.flowPlaces.in(context.signal, work)
      : work()
  }

  async #executeAtomic(logic: LogicRun): Promise<JsonObject> {
    const ids = await this.#deps.writeback.takeIds()
    return this.#deps.connection.transaction(async (session) => {
      const counts = await this.#runLogic(logic, session)
      const end: LogicEnd = { status: 'PC', counts, error: null }
      return this.#deps.writeback.close(session, {
        ...logic.closing(end),
        ids,
        endsRequest: true,
      })
    })
  }

  async #runLogic(logic: LogicRun, session?: LegacySession): Promise<RunCounts | null> {
    const { run, resolved } = logic.ready
    const { context } = logic
    const checkpoint = this.#checkpointOf(logic)
    const counts = await resolved.runner.run({
      session: (session ?? this.#deps.connection.session).sql,
      flow: resolved.flow,
      params: run.params,
      requestParams: run.requestParams,
      checkpoint,
      prcid: run.prcid,
      sessionId: this.#deps.sessionId,
      mapref: run.mapref,
      signal: context.signal,
      logger: context.logger,
      context: logic.logicContext(),
    })
    // An abort that the logic did not notice: what it did in the transaction is undone
    if (session && logic.aborted) {
      throw new Error(`aborted: ${logic.aborted}`)
    }
    context.extend(CLOSING_TIME)
    await this.#complete(checkpoint)
    return counts
  }

  #checkpointOf({ run, context }: LogicRun): RunCheckpoint {
    const { connection, tables, source } = this.#deps
    return new RunCheckpoint({ connection, tables, source, logger: context.logger, run })
  }

  /** What is not marked as complete is told by the end of its row. */
  async #complete(checkpoint: RunCheckpoint): Promise<void> {
    try {
      await checkpoint.succeeded()
    } catch (error) {
      if (!isTransient(error)) {
        throw error
      }
      this.#deps.logger.warn({ err: error }, 'The checkpoint of a run was not marked as complete')
    }
  }

  /** Its row is in progress, and it did not get a slot. */
  #notBegun(logic: LogicRun, why: 'aborted' | 'overdue'): Promise<FlowVerdict> {
    const { aborted } = logic
    const reason = aborted ?? 'its logic had not begun; another node may be free'
    const cause =
      why === 'overdue' || aborted === 'shutdown'
        ? new ReleaseSignal(0, reason)
        : new Error('aborted before its logic began')
    return this.#afterThrow(logic, cause)
  }

  /** The logic threw, or its transaction did not commit. */
  async #afterThrow(logic: LogicRun, error: unknown): Promise<FlowVerdict> {
    const { aborted } = logic
    if (aborted === 'lease lost' || error instanceof E_LEASE_LOST) {
      throw error
    }
    if (error instanceof FencedError) {
      return this.#fencedAtomic(logic)
    }
    const handedBack = handsBack(logic, error, this.#deps.source.retry)
    if (handedBack) {
      return this.#handBack(logic, handedBack)
    }
    const elapsed = this.#deps.clock.monotonic() - logic.began
    const end =
      aborted === 'cancelled' && !isExplicit(error)
        ? await this.#stops.endOf(logic.context)
        : endOfThrow(error, aborted, elapsed)
    const verdict = await this.#end(logic, end)
    if (aborted === 'timeout' && verdict instanceof Failed) {
      // The executor tells a timeout by its signal, and stores it as what it is
      throw error
    }
    return verdict
  }

  /**
   * Closes the row for a run that begins again under a new PRCID. When the
   * database is away the row stays in progress, and the next attempt closes it.
   */
  async #handBack(logic: LogicRun, { release, end, retries }: HandBack): Promise<FlowVerdict> {
    if (retries !== (logic.run.checkpoint.retries ?? 0)) {
      await logic.keep({ retries })
    }
    try {
      await this.#close({ ...logic.closing(end), endsRequest: false })
    } catch (error) {
      if (error instanceof FencedError) {
        return this.#fenced(logic)
      }
      if (!isTransient(error)) {
        throw error
      }
      this.#deps.logger.warn(
        { err: error, prcid: logic.run.prcid },
        'A run is handed back with its row in progress; the next attempt closes it'
      )
    }
    this.#deps.counters.increment('legacy.handedBack')
    return release
  }

  /**
   * After the rollback, a row that is still in progress was moved by the logic
   * itself, in its own transaction: beginning again would meet the same end.
   */
  async #fencedAtomic(logic: LogicRun): Promise<FlowVerdict> {
    const { connection, tables } = this.#deps
    const log = await tables.processLogs.find(connection.session, logic.run.prcid)
    return log?.status === 'IP' ? this.#end(logic, failure('LOGIC', OWN_ROW)) : this.#fenced(logic)
  }

  /** Another hand has closed the row: what it says counts. */
  async #fenced(logic: LogicRun): Promise<FlowVerdict> {
    const { run, context } = logic
    const rescued = await this.#deps.rescue.settle(run, (moved) =>
      context.saveCheckpoint(moved.checkpoint)
    )
    if ('verdict' in rescued) {
      return rescued.verdict
    }
    return new ReleaseSignal(0, `the row of run ${run.prcid} was closed by another; it runs again`)
  }

  /** The closing transaction of a run whose logic is over, until it is written. */
  async #end(logic: LogicRun, first: LogicEnd): Promise<FlowVerdict> {
    const backoff = new Backoff()
    for (let end = first; ;) {
      try {
        return verdictOf(end, await this.#ends.add(logic.closing(end)))
      } catch (error) {
        if (error instanceof FencedError) {
          return this.#fenced(logic)
        }
        if (isTransient(error)) {
          await this.#holdOn(logic, end, backoff.failed(), error)
        } else if (end.status === 'PC') {
          end = failure('WRITEBACK', `its end could not be written: ${(error as Error).message}`)
        } else {
          throw error
        }
      }
    }
  }

  async #close(closing: Omit<Closing, 'ids'>): Promise<JsonObject> {
    const { connection, writeback } = this.#deps
    const ids = await writeback.takeIds()
    return connection.transaction((session) => writeback.close(session, { ...closing, ids }))
  }

  /**
   * The legacy database is away while an outcome waits to be written: our own
   * store keeps it, so that whoever goes on from here need not run the logic
   * again. The call is fenced: it throws when the lease is gone.
   */
  async #holdOn(logic: LogicRun, end: LogicEnd, wait: number, error: unknown): Promise<void> {
    const { counters, logger, clock } = this.#deps
    counters.increment('legacy.closingRetried')
    logger.warn(
      { err: error, prcid: logic.run.prcid, wait },
      'The end of a run could not be written; it is tried again'
    )
    try {
      await logic.keepEnd(end)
    } catch (failed) {
      if (!isTransient(failed)) {
        throw failed
      }
    }
    if (logic.aborted === 'shutdown') {
      throw new ReleaseSignal(0, 'shutdown; only the write-back of the run is missing')
    }
    await sleep(clock, wait)
  }
}
