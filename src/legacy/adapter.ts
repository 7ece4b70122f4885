import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Logger } from '../types/logger.ts'
import { ClaimNames, sessionIdOf } from './claims.ts'
import type { LegacySourceConfig } from './config.ts'
import { isTransient, LegacyConnection } from './connection.ts'
import { Controls } from './controls.ts'
import { Dependents } from './dependents.ts'
import { RunStart } from './engine/begin.ts'
import { FlowEngine } from './engine/flow_engine.ts'
import { addEngine } from './engine/flow_handler.ts'
import { FlowLogic } from './engine/flow_logic.ts'
import { FlowResolver } from './engine/flow_resolver.ts'
import { RunRescue } from './engine/rescue.ts'
import { RunnerSelector } from './engine/runners/selector.ts'
import type { FacadeDeps } from './facade/deps.ts'
import { Pkgdwprc } from './facade/pkgdwprc.ts'
import { RequestDesk } from './facade/request_desk.ts'
import { ScheduleBook } from './facade/schedule_book.ts'
import { ForeignRuns } from './foreign_runs.ts'
import { KnownNodes } from './known_nodes.ts'
import { GroupWriteback } from './group_writeback.ts'
import type { SchedulerPort } from './ports.ts'
import { LeftRequests } from './left_requests.ts'
import { Opening } from './opening.ts'
import { Recovery, type RecoveryResult } from './recovery.ts'
import type { ReportDesk } from './reports/desk.ts'
import type { ReportHost } from './reports/outlets.ts'
import { RequestEnds } from './request_ends.ts'
import { RequestPoller } from './request_poller.ts'
import { RequestKinds } from './request_kinds.ts'
import { RunTimes } from './run_times.ts'
import type { Runtime, SourceDeps } from './runtime.ts'
import { ScheduleSync, type SyncOutcome } from './schedule_sync.ts'
import { summaryOf, type LegacyStatus } from './status.ts'
import type { LegacyClient, LegacyDriver } from './tables/client.ts'
import { openLegacyTables, type LegacyTables } from './tables/main.ts'
import type { WallClock } from './wall_clock.ts'
import { Writeback } from './writeback.ts'

export interface LegacyAdapterDeps {
  scheduler: SchedulerPort
  config: LegacySourceConfig
  /** On the connection of the legacy tables. */
  client: LegacyClient
  /** On the connection of the request table, where that is another. */
  requestClient?: LegacyClient | null
  driver: LegacyDriver
  clock: Clock
  logger: Logger
  counters: Counters
  /** What runners may hand on to processes of their own. Default: the environment of this process. */
  env?: Record<string, string | undefined>
  /** What reports want of the host. */
  host?: ReportHost
}

/** The recovery looks again after so many polls, within bounds (ms). */
const RECOVERY_POLLS = 5
const RECOVERY_BOUNDS = { min: 250, max: 15_000 }

/**
 * One legacy installation, taken over in place: its schedules become events of
 * the scheduler, its requests executions, and the runs of both are logged in
 * its tables.
 */
export class LegacyAdapter {
  /** What the old screens and programs call. */
  readonly pkgdwprc: Pkgdwprc
  /** The request table for those who look after it. */
  readonly requests: RequestDesk
  /** The schedule table for those who look after it. */
  readonly schedules: ScheduleBook
  readonly #deps: LegacyAdapterDeps
  readonly #shared: SourceDeps
  readonly #engine: FlowEngine
  readonly #kinds: RequestKinds
  readonly #poller: RequestPoller
  readonly #recovery: Recovery
  readonly #tables: Opening<LegacyTables>
  readonly #runtime: Opening<Runtime>
  readonly #left: LeftRequests
  readonly #sync = new Opening(() => this.#makeSync())

  constructor(deps: LegacyAdapterDeps) {
    this.#deps = deps
    const { scheduler, config, client, requestClient, driver, clock, logger, counters } = deps
    const connection = new LegacyConnection({
      source: config.name,
      client,
      requestClient,
      driver,
      timezone: config.timezone,
      clock,
    })
    const shared: SourceDeps = {
      source: config,
      scheduler,
      connection,
      clock,
      logger,
      counters,
      claims: new ClaimNames(scheduler.nodeId),
      nodes: new KnownNodes(scheduler),
    }
    this.#tables = new Opening(() => openLegacyTables({ connection, config, logger }))
    this.#runtime = new Opening(async () => this.#openRuntime(await this.#tables.get()))
    const open = () => this.#runtime.get()
    const ends = new RequestEnds(shared)
    const sync = async () => summaryOf(await this.sync())
    const controls = new Controls({ ...shared, ends, sync })
    this.#shared = shared
    this.#left = new LeftRequests({ source: config.name, logger })
    const onEnded = (mapref: string) => {
      this.#poller.ended(mapref)
      this.#recovery.ended(mapref)
    }
    const engine = new FlowEngine({ ...shared, open, onEnded })
    this.#engine = engine
    const tables = () => this.#tables.get()
    this.#kinds = new RequestKinds({ ...shared, open, engine, onEnded, tables, host: deps.host })
    const running = () => engine.running
    this.#poller = new RequestPoller({ ...shared, open, controls, ends, running })
    const isInFlight = (claim: string) =>
      this.#poller.isInFlight(claim) || controls.isInFlight(claim)
    this.#recovery = new Recovery({ ...shared, open, running, isInFlight })
    const facade: FacadeDeps = {
      ...shared,
      tables,
      sync: () => this.sync(),
    }
    this.pkgdwprc = new Pkgdwprc(facade)
    this.requests = new RequestDesk(facade)
    this.schedules = new ScheduleBook(facade)
  }

  /** Adds the source to the scheduler: its handler, its requests, its chores. */
  attach(): void {
    const { scheduler, config } = this.#deps
    addEngine(scheduler, config.name, this.#engine)
    this.#kinds.attach()
    scheduler.onStart(() => this.#start())
    scheduler.addChore({
      name: `legacy.sync.${config.name}`,
      interval: config.syncInterval,
      run: () => this.sync(),
    })
    scheduler.addChore({
      name: `legacy.recovery.${config.name}`,
      interval: this.#recoveryInterval,
      run: () => this.recover(),
    })
    if (config.requests) {
      scheduler.addSource(this.#poller)
    }
    if (config.requests && config.unknownTypes === 'leave') {
      scheduler.addChore({
        name: `legacy.left.${config.name}`,
        interval: config.syncInterval,
        run: () => this.countLeft(),
      })
    }
  }

  /** Counts the requests that `unknownTypes: 'leave'` leaves NEW, by type. */
  async countLeft(): Promise<Readonly<Record<string, number>>> {
    const { requestBook } = await this.#tables.get()
    if (requestBook) {
      await this.#left.look(this.#shared.connection.session, requestBook)
    }
    return this.#left.counts
  }

  /** Reads the schedule table now. */
  async sync(): Promise<SyncOutcome> {
    const sync = await this.#sync.get()
    return sync.run()
  }

  /** Ends what dead processes of this installation left in the tables. */
  recover(): Promise<RecoveryResult> {
    return this.#recovery.runOnce()
  }

  /** The reports that were made, for those who fetch them. */
  get reports(): ReportDesk {
    return this.#kinds.desk
  }

  /** How its tables show instants. */
  get wallClock(): WallClock {
    return this.#shared.connection.wallClock
  }

  status(): LegacyStatus {
    return {
      source: this.#deps.config.name,
      open: this.#tables.opened !== null,
      notes: this.#tables.opened?.notes ?? [],
      left: this.#left.counts,
      running: this.#engine.running.map(({ mapref, prcid, requestId }) => ({
        mapref,
        prcid,
        requestId,
      })),
    }
  }

  get #recoveryInterval(): number {
    const { min, max } = RECOVERY_BOUNDS
    return Math.min(max, Math.max(min, this.#deps.config.pollInterval * RECOVERY_POLLS))
  }

  /**
   * A table that is missing stops the start; a database that is away does not:
   * everything that needs it backs off until it is there.
   */
  async #start(): Promise<void> {
    try {
      await this.recover()
      await this.sync()
    } catch (error) {
      if (!isTransient(error)) {
        throw error
      }
      const { logger, config } = this.#deps
      logger.warn(
        { err: error, source: config.name },
        'The legacy database cannot be reached yet; it is tried again'
      )
    }
  }

  async #makeSync(): Promise<ScheduleSync> {
    const { connection } = this.#shared
    const { config, logger, scheduler } = this.#deps
    const tables = await this.#tables.get()
    return new ScheduleSync({ source: config, connection, tables, target: scheduler, logger })
  }

  async #openRuntime(tables: LegacyTables): Promise<Runtime> {
    await this.#shared.nodes.refresh()
    return this.#runtimeOf(tables)
  }

  #runtimeOf(tables: LegacyTables): Runtime {
    const { connection, nodes, clock, logger, counters, source, scheduler } = this.#shared
    const { dialect } = connection.session.sql
    const { wallClock } = connection
    const sessionId = sessionIdOf(scheduler.nodeId)
    const { handlers } = scheduler
    const { env = process.env } = this.#deps
    const runners = new RunnerSelector({ source, dialect, clock, env, handlers })
    const { session } = connection
    const flows = new FlowResolver({ session, flows: tables.flows, runners, logger, counters })
    const closing = {
      connection,
      tables,
      dependents: new Dependents({ tables, logger, counters }),
      runTimes: new RunTimes({ schedules: tables.schedules, source, wallClock, logger }),
      sessionId,
      nodeId: scheduler.nodeId,
      logger,
    }
    const writeback = new Writeback(closing)
    const group = new GroupWriteback(closing)
    const rescue = new RunRescue({ connection, tables, flows, writeback, logger })
    const { processLogs } = tables
    const common = { source, scheduler, connection, clock, logger, counters }
    return {
      tables,
      flows,
      writeback,
      rescue,
      start: new RunStart({ connection, tables, sessionId, logger, counters }),
      logic: new FlowLogic({ ...common, tables, writeback, group, rescue, sessionId }),
      foreignRuns: new ForeignRuns({
        connection,
        processLogs,
        nodes,
        clock,
        maxAge: source.pollInterval,
      }),
    }
  }
}
