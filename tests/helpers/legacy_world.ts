import { randomBytes } from 'node:crypto'
import { getActiveTest } from '@japa/runner'
import { ConfigReader } from '../../src/config/reader.ts'
import { readShell } from '../../src/config/core.ts'
import { Counters } from '../../src/counters.ts'
import { ExecutionTracker } from '../../src/executions/execution_tracker.ts'
import { newId } from '../../src/ids.ts'
import { slotKey } from '../../src/keys.ts'
import { HandlerRegistry } from '../../src/jobs/handler_registry.ts'
import { JobManager } from '../../src/jobs/job_manager.ts'
import { LegacyAdapter } from '../../src/legacy/adapter.ts'
import { resolveLegacyConfig, type LegacySourceInput } from '../../src/legacy/config.ts'
import { concurrencyKeyOf } from '../../src/legacy/ids.ts'
import type { SchedulerPort } from '../../src/legacy/ports.ts'
import type { ReportHost } from '../../src/legacy/reports/outlets.ts'
import type { LegacyClient, LegacyDriver } from '../../src/legacy/tables/client.ts'
import type { NewExecution, NodeRecord, Storage } from '../../src/storage/contract.ts'
import type { SqlSession } from '../../src/storage/sql_session.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { EventRecorder } from '../../src/testing/event_recorder.ts'
import { type ManualClock } from '../../src/testing/manual_clock.ts'
import { RecordingLogger } from '../../src/testing/recording_logger.ts'
import type { AlmanacOptions } from '../../src/types/config.ts'
import type { SourceInput } from '../../src/types/events.ts'
import type { ExecutionRecord } from '../../src/types/executions.ts'
import type { HandlerContext, HandlerFunction } from '../../src/types/handlers.ts'
import type { JsonObject } from '../../src/types/json.ts'
import type { RunRequest, WorkSource } from '../../src/types/work_source.ts'
import { createLegacyDatabase, legacyDriver, type LegacyDatabase } from './legacy_database.ts'
import { activeKind, PatientClock } from './legacy_group.ts'

/** What a client is asked for when a statement begins. */
const STATEMENTS = new Set(['from', 'table', 'rawQuery', 'knexRawQuery', 'query', 'insertQuery'])

interface NodeOptions {
  name?: string
  source?: Partial<LegacySourceInput>
  /** Drive and Mail. */
  host?: ReportHost
  config?: AlmanacOptions
  handlers?: Record<string, HandlerFunction>
  storage?: Storage
  clock?: ManualClock
  /** Where the request table is, if it is not with the others. */
  requestsOn?: LegacyDatabase
}

/** A row of the request table as another program reads it. */
export interface RequestRow {
  REQUEST_ID: string
  MAPREF: string
  REQUEST_TYPE: string
  STATUS: string
  PAYLOAD: string | null
  CLAIMED_BY: string | null
  RESULT_PAYLOAD: string | null
}

export interface RunRow {
  PRCID: number
  MAPREF: string
  STATUS: string
  MSG: string | null
  ENDDT: string | null
  SESSIONID: number
  PARAM1: string | null
}

/**
 * A legacy database, a store in memory, and nodes that work on both. Nothing
 * runs between two calls of `run`.
 */
export class LegacyWorld {
  readonly clock: ManualClock
  readonly storage: MemoryStorage
  readonly registry: NodeRecord[]
  readonly database: LegacyDatabase

  /** @param beside a world of the same app: what it has of its own are its legacy tables */
  constructor(database: LegacyDatabase, beside?: LegacyWorld) {
    this.clock = beside?.clock ?? new PatientClock()
    this.storage = beside?.storage ?? new MemoryStorage({ clock: this.clock })
    this.registry = beside?.registry ?? []
    this.database = database
    database.execute(
      'create table if not exists LEDGER (PRCID bigint, MAPREF varchar(100), NOTE varchar(250))'
    )
  }

  /** A flow that notes each of its runs in the ledger. */
  ledgerFlow(mapref: string, more = ''): void {
    const logic = `insert into LEDGER (PRCID, MAPREF, NOTE) values (:prcid, :mapref, :param1)${more}`
    this.database.insertFlow({ MAPREF: mapref, DWLOGIC: logic })
  }

  node(options: NodeOptions = {}): LegacyNode {
    return new LegacyNode(this, options)
  }

  request(id: string): RequestRow & { result: JsonObject } {
    const [row] = this.database.rows<RequestRow>('select * from DWPRCREQ where REQUEST_ID = ?', id)
    return { ...row, result: JSON.parse(row.RESULT_PAYLOAD ?? '{}') as JsonObject }
  }

  requests(): RequestRow[] {
    return this.database.rows<RequestRow>('select * from DWPRCREQ order by REQUEST_ID')
  }

  runs(): RunRow[] {
    return this.database.rows<RunRow>('select * from DWPRCLOG order by PRCID')
  }

  ledger(): { PRCID: number; MAPREF: string; NOTE: string | null }[] {
    return this.database.rows('select * from LEDGER order by PRCID')
  }

  executions(): Promise<ExecutionRecord[]> {
    return this.storage.executions.list({ limit: 1000 })
  }

  /** Queues the run of an event at a slot, as the loop does. @returns its id */
  async fire(
    mapref: string,
    slot: number | null,
    jobschid = 7,
    payload: JsonObject = {},
    concurrencyKey = concurrencyKeyOf(String(payload.source ?? 'dw'), mapref)
  ): Promise<string> {
    const id = newId()
    await this.storage.executions.enqueue({
      now: this.clock.now(),
      executions: [
        {
          ...blank(),
          id,
          origin: slot === null ? 'manual' : 'schedule',
          payload: { source: 'dw', mapref, jobschid, ...payload },
          slot,
          slotKey: slot === null ? null : slotKey(`event ${concurrencyKey}`, slot),
          concurrencyKey,
        },
      ],
    })
    return id
  }

  /** What housekeeping does once the lease of a dead node has lapsed. */
  async rescue(): Promise<void> {
    await this.clock.advance(60_000)
    const now = this.clock.now()
    const expired = await this.storage.executions.listExpired({ now, limit: 100 })
    await this.storage.executions.rescueExpired({ now, expired, maxRescues: 5 })
  }
}

/** One process: a job manager and the adapter on the world's store and database. */
export class LegacyNode implements SchedulerPort {
  readonly nodeId: string
  readonly logger = new RecordingLogger()
  readonly counters = new Counters()
  readonly recorder = new EventRecorder()
  readonly synced: SourceInput[][] = []
  readonly handlers: HandlerRegistry
  readonly executions: SchedulerPort['executions']
  readonly jobs: JobManager
  readonly tracker: ExecutionTracker
  readonly adapter: LegacyAdapter
  readonly chores: { name: string; interval: number; run(): Promise<unknown> }[] = []
  readonly hooks: (() => Promise<unknown>)[] = []
  /** The legacy databases cannot be reached: all of them, or those of these sources. */
  down: boolean | string[] = false
  /** Called before each transaction on a legacy database, with its number and source; may throw or never return. */
  onTransaction: (count: number, source: string) => Promise<void> | void = () => {}
  /** Called before each statement of a runner; may throw. */
  onStatement: (sql: string) => void = () => {}
  /** Called after a transaction has committed. */
  onCommit: (count: number) => Promise<void> | void = () => {}
  #transactions = 0
  readonly #host?: ReportHost
  readonly #world: LegacyWorld
  readonly #clock: ManualClock

  constructor(world: LegacyWorld, options: NodeOptions) {
    this.#world = world
    this.#host = options.host
    const name = options.name ?? 'n1'
    this.nodeId = `${name}.${randomBytes(4).toString('hex')}`
    const storage = options.storage ?? world.storage
    const clock = options.clock ?? world.clock
    this.#clock = clock
    const { core } = readShell(new ConfigReader({ node: name, ...options.config }))
    const { logger, counters, recorder: notifier, nodeId } = this
    this.handlers = new HandlerRegistry({ defaults: core, make: (Class) => new Class() })
    const shared = { storage, notifier, clock, logger, counters, nodeId, config: core }
    this.tracker = new ExecutionTracker(shared)
    this.jobs = new JobManager({ ...shared, tracker: this.tracker, registry: this.handlers })
    this.executions = {
      find: (id) => storage.executions.find(id),
      findByDedupeKey: (key) => storage.executions.findByDedupeKey(key),
      history: (filter) => storage.executions.list(filter),
    }
    for (const [handler, run] of Object.entries(options.handlers ?? {})) {
      this.handlers.register(handler, run)
    }
    this.adapter = this.addSourceOn(world, 'dw', options.source, options.requestsOn)
    this.join()
  }

  /** A further legacy source of this app. */
  addSourceOn(
    { database }: LegacyWorld,
    name: string,
    source?: Partial<LegacySourceInput>,
    requestsOn?: LegacyDatabase
  ): LegacyAdapter {
    const input = requestsOn ? { ...source, requestConnection: 'requests' } : source
    const adapter = new LegacyAdapter({
      scheduler: this,
      config: sourceConfig({ preset: database.names.preset, ...input }, name),
      client: this.#flaky(database.client(), name),
      requestClient: requestsOn ? this.#flaky(requestsOn.client(), name) : null,
      driver: this.#driver(name),
      clock: this.#clock,
      logger: this.logger,
      counters: this.counters,
      host: this.#host,
    })
    adapter.attach()
    return adapter
  }

  /** Is in the registry of live nodes. */
  join(): void {
    const [name] = this.nodeId.split('.')
    const seen = { startedAt: 0, seenAt: 0, info: {} }
    this.#world.registry.push({ id: this.nodeId, name, host: 'h', pid: 1, ...seen })
  }

  /** Housekeeping has found it dead. */
  leave(): void {
    const { registry } = this.#world
    registry.splice(
      registry.findIndex(({ id }) => id === this.nodeId),
      1
    )
  }

  /** Moves the clock of a node that has one of its own, without its timers. */
  clockForward(ms: number): void {
    this.#clock.set(this.#clock.now() + ms)
  }

  /** Takes and runs everything that is there. */
  run(): Promise<number> {
    return this.jobs.runOnce()
  }

  /** One pull and the runs of it, with something that happens between the claim and the runs. */
  async birthAndRun(between: () => void = () => {}): Promise<void> {
    const [source] = this.sources
    const { promise, resolve } = Promise.withResolvers<void>()
    const pull = source.pull.bind(source)
    source.pull = async (seats) => {
      source.pull = async () => 0
      const run = seats.run.bind(seats)
      const taken = await pull({
        count: seats.count,
        run: (requests) => {
          between()
          return run(requests)
        },
      })
      resolve()
      return taken
    }
    await this.jobs.runOnce()
    await promise
    source.pull = pull
  }

  register(name: string, handler: Parameters<HandlerRegistry['register']>[1]): void {
    this.handlers.register(name, handler)
  }

  readonly sources: WorkSource[] = []

  addSource(source: WorkSource): void {
    this.sources.push(source)
    this.jobs.addSource(source)
  }

  /** Lets the poller make executions that never begin here. */
  async birth(count: number, source = this.sources[0]): Promise<ExecutionRecord[]> {
    const born: ExecutionRecord[] = []
    await source.pull({
      count,
      run: async (requests) => {
        const answers = await this.#insert(requests)
        born.push(...answers.flatMap((birth) => (birth.inserted ? [birth.execution] : [])))
        return answers.map((birth) =>
          birth.inserted
            ? { accepted: true, execution: birth.execution }
            : birth.conflict === 'stopped'
              ? { accepted: false, conflict: 'stopped', executionId: null }
              : { accepted: false, conflict: birth.conflict, executionId: birth.id }
        )
      },
    })
    return born
  }

  #insert(requests: RunRequest[]) {
    const { clock, storage } = this.#world
    const executions = requests.map((request) => ({
      ...blank(),
      ...request,
      id: newId(),
      origin: 'request' as const,
      queue: 'default',
    }))
    return storage.executions.insertRunning({
      now: clock.now(),
      node: this.nodeId,
      lease: 30_000,
      executions,
    })
  }

  onStart(hook: () => Promise<unknown>): void {
    this.hooks.push(hook)
  }

  addChore(chore: { name: string; interval: number; run(): Promise<unknown> }): void {
    this.chores.push(chore)
  }

  async syncSource(_source: string, definitions: SourceInput[]) {
    this.synced.push(definitions)
    return { added: definitions, changed: [], removed: [], unchanged: 0, problems: [] }
  }

  cancel(id: string, options: { reason: string; by: string }) {
    return this.jobs.cancel(id, options)
  }

  async nodes(): Promise<NodeRecord[]> {
    return [...this.#world.registry]
  }

  #driver(name: string): LegacyDriver {
    return {
      sessionOf: (client) => this.#watched(legacyDriver.sessionOf(client), name),
      poolOf: (client) => legacyDriver.poolOf(client),
      transaction: (client, work) =>
        this.#committed(name, () => legacyDriver.transaction(client, work)),
      statement: (client, sql, bindings) =>
        this.#committed(name, () => {
          this.onStatement(sql)
          return legacyDriver.statement(client, sql, bindings)
        }),
    }
  }

  async #committed<T>(name: string, work: () => Promise<T>): Promise<T> {
    const count = ++this.#transactions
    await this.onTransaction(count, name)
    this.#reach(name)
    const result = await work()
    await this.onCommit(count)
    return result
  }

  #watched(session: SqlSession, name: string): SqlSession {
    return {
      dialect: session.dialect,
      query: async (sql, bindings, options) => {
        this.#reach(name)
        this.onStatement(sql)
        return session.query(sql, bindings, options)
      },
      transaction: (work) => session.transaction(work),
      readOnly: async (work, options) => {
        this.#reach(name)
        return session.readOnly(work, options)
      },
      cancel: () => session.cancel(),
      now: async () => {
        this.#reach(name)
        return session.now()
      },
    }
  }

  #reach(name: string): void {
    if (Array.isArray(this.down) ? this.down.includes(name) : this.down) {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    }
  }

  #flaky(client: LegacyClient, name: string): LegacyClient {
    return new Proxy(client, {
      get: (target, key) => {
        if (STATEMENTS.has(String(key))) {
          this.#reach(name)
        }
        const member: unknown = Reflect.get(target, key, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
  }
}

function blank(): NewExecution {
  return {
    id: newId(),
    eventId: null,
    handler: 'legacy.flow',
    queue: 'default',
    origin: 'enqueue',
    payload: null,
    priority: 5,
    slot: null,
    slotKey: null,
    rerunOf: null,
    dedupeKey: null,
    concurrencyKey: null,
    availableAt: null,
    timeout: null,
    retries: null,
  }
}

function sourceConfig(input: Partial<LegacySourceInput> = {}, name: string) {
  const source = {
    connection: 'warehouse',
    timezone: 'UTC',
    pollInterval: 1_000,
    runners: { sql: true },
    ...input,
  }
  return resolveLegacyConfig({ sources: { [name]: source } }).sources.get(name)!
}

/** A world that goes with the test that asked for it. */
export async function createLegacyWorld(beside?: LegacyWorld): Promise<LegacyWorld> {
  const database = await createLegacyDatabase({ kind: activeKind() })
  getActiveTest()?.cleanup(() => database.cleanup())
  return new LegacyWorld(database, beside)
}

/** A handler that waits until it is let go, and tells when it was called. */
export class Gate {
  readonly #called = Promise.withResolvers<HandlerContext>()
  readonly #open = Promise.withResolvers<unknown>()

  readonly handle: HandlerFunction = async (context) => {
    this.#called.resolve(context)
    return this.#open.promise
  }

  /** The context of the first call. */
  get called(): Promise<HandlerContext> {
    return this.#called.promise
  }

  open(result?: unknown): void {
    this.#open.resolve(result)
  }

  fail(error: unknown): void {
    this.#open.reject(error)
  }
}
