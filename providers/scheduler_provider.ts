import type { ApplicationService } from '@adonisjs/core/types'
import { SystemClock } from '../src/clock.ts'
import { Counters } from '../src/counters.ts'
import { resolveConfig, type ResolvedConfig, type StoreFactory } from '../src/define_config.ts'
import { E_INVALID_CONFIG } from '../src/errors.ts'
import { ISOLATED } from '../src/isolation/binding.ts'
import type { QueueEngine } from '../src/engines/queue_engine.ts'
import { HandlerIsolator } from '../src/isolation/main.ts'
import { HostBackend } from '../src/locks/host_backend.ts'
import type { LegacySources } from '../src/legacy/sources.ts'
import type { LegacyDriver } from '../src/legacy/tables/client.ts'
import { safeNotifier } from '../src/safe_emit.ts'
import { Scheduler } from '../src/scheduler.ts'
import { CronTimetable } from '../src/scheduler/cron_timetable.ts'
import { TracedStorage } from '../src/storage/traced.ts'
import type { ProcessRole } from '../src/types/config.ts'
import type { HandlerContract } from '../src/types/handlers.ts'
import type { Logger } from '../src/types/logger.ts'
import type { AlmanacEvents } from '../src/types/notifications.ts'
import { assertConnection, legacyClient, requestClient } from './connections.ts'
import { withLimits, type AlmanacLimits } from './limits.ts'

export type { AlmanacLimits } from './limits.ts'

declare module '@adonisjs/core/types' {
  interface ContainerBindings {
    'almanac': Scheduler
    'almanac.limits': AlmanacLimits
    'almanac.legacy': LegacySources
    'almanac.isolated': boolean
  }
  interface EventsList extends AlmanacEvents {}
}

/** Handlers that ignore their signal keep the process no longer than this after the drain, ms. */
const EXIT_GRACE = 1_000

/**
 * The composition root: the only place that chooses and constructs what the
 * scheduler runs on. It binds `almanac`, finds the handlers, starts working
 * in the processes that were told to, and drains at the end.
 */
export default class SchedulerProvider {
  readonly #clock = new SystemClock()
  readonly #counters = new Counters()
  #resolved: { config: ResolvedConfig; store: StoreFactory } | null = null
  #isolator: HandlerIsolator | null = null

  constructor(protected app: ApplicationService) {}

  register(): void {
    this.app.container.singleton(Scheduler, () => this.#makeScheduler())
    this.app.container.alias('almanac', Scheduler)
    this.app.container.singleton('almanac.legacy', async () => {
      const { LegacySources } = await import('../src/legacy/sources.ts')
      return new LegacySources()
    })
  }

  /** The config is read and checked here, so that a wrong one stops the boot. */
  async boot(): Promise<void> {
    const almanac = await this.app.container.make('almanac')
    almanac.boot()
    // Earlier than any provider's shutdown: handlers that end now still need the app
    this.app.terminating(() => this.#drain(almanac))
    almanac.onStart(() => this.#checkPool())
  }

  /** Before the preload files, which may name the handlers that are found here. */
  async start(): Promise<void> {
    const almanac = await this.app.container.make('almanac')
    const { config } = await this.#resolve()
    await almanac.discover(
      config.handlersFolder === null ? null : this.app.makeURL(config.handlersFolder)
    )
    await this.#attachLegacy(almanac)
    await this.#attachBuiltIn(almanac)
  }

  /** After the preload files, which define events. */
  async ready(): Promise<void> {
    const almanac = await this.app.container.make('almanac')
    // Classes decorated in what the preload files have imported
    await almanac.discover(null)
    const { config } = await this.#resolve()
    if (
      !this.app.container.hasBinding(ISOLATED) &&
      config.roles.includes(this.app.getEnvironment() as ProcessRole)
    ) {
      await almanac.start()
      // SIGTERM reaches app.terminate() by itself, SIGINT does not
      this.app.listenOnce('SIGINT', () => this.app.terminate())
    }
  }

  async #resolve() {
    if (!this.#resolved) {
      const { container } = this.app
      const limits = container.hasBinding('almanac.limits')
        ? await container.make('almanac.limits')
        : {}
      const config = resolveConfig(withLimits(this.app.config.get('almanac'), limits))
      this.#resolved = { config, store: await config.store.resolver(this.app) }
    }
    return this.#resolved
  }

  async #makeScheduler(): Promise<Scheduler> {
    const { config, store } = await this.#resolve()
    const logger = await this.app.container.make('logger')
    const emitter = await this.app.container.make('emitter')
    const counters = this.#counters
    return new Scheduler({
      storage: new TracedStorage(await store.create({ clock: this.#clock, logger })),
      clock: this.#clock,
      logger,
      counters,
      notifier: safeNotifier(emitter, { logger, counters }),
      config: config.core,
      isolator: this.#makeIsolator(logger),
      locks: await this.#hostLocks(),
      engine: await this.#makeEngine(),
      make: (Class) => this.app.container.make(Class) as Promise<HandlerContract>,
      timetable: new CronTimetable({ logger }),
    })
  }

  /**
   * Also where no queue is run by it here: then this process may be one of its
   * workers, which have to know the job.
   */
  async #makeEngine(): Promise<QueueEngine | undefined> {
    const { container } = this.app
    if (!container.hasBinding('queue.manager')) {
      return undefined
    }
    const { QueueEngine: Engine } = await import('../src/engines/queue_engine.ts')
    const host = await import('@adonisjs/queue')
    return new Engine(host, async (handed) => {
      const almanac = await container.make('almanac')
      return almanac.deliver(handed)
    })
  }

  #makeIsolator(logger: Logger): HandlerIsolator {
    this.#isolator = new HandlerIsolator({
      clock: this.#clock,
      logger,
      root: this.app.appRoot.href,
    })
    return this.#isolator
  }

  /** The app's own locks where @adonisjs/lock is set up, unless config keeps them in the store. */
  async #hostLocks(): Promise<HostBackend | undefined> {
    const { config } = await this.#resolve()
    const { container } = this.app
    if (config.core.locks === 'store' || !container.hasBinding('lock.manager')) {
      return undefined
    }
    return new HostBackend(await container.make('lock.manager'))
  }

  /**
   * Only where work is run: nobody learns to overlook the warning. Flows that
   * hold a connection of the store's pool each, as long as they run, leave none
   * to renew their leases with: that is refused.
   */
  async #checkPool(): Promise<void> {
    const { config, store } = await this.#resolve()
    const warning = store.warning(config.core.concurrency)
    if (!warning) {
      return
    }
    for (const { name, connection, runners } of config.legacy.values()) {
      if (connection === store.connection && runners.sql) {
        const found = `"${connection}", the store's; while flows run, none may be left for their leases`
        throw new E_INVALID_CONFIG([`legacy.sources.${name}.connection`, found, warning])
      }
    }
    const logger = await this.app.container.make('logger')
    logger.warn({ concurrency: config.core.concurrency }, warning)
  }

  /** What a legacy source needs is loaded only where one is configured. */
  async #attachLegacy(almanac: Scheduler): Promise<void> {
    const { config, store } = await this.#resolve()
    if (config.legacy.size === 0) {
      return
    }
    const { LegacyAdapter } = await import('../src/legacy/adapter.ts')
    const { reportHost } = await import('./report_host.ts')
    const { immediateTransaction } =
      await import('../src/storage/database/immediate_transaction.ts')
    const { IDLE_LIMIT } = await import('../src/storage/database/idle_limit.ts')
    const { poolOf, sessionOf } = await import('../src/storage/database/lucid_session.ts')
    const driver: LegacyDriver = {
      transaction: (client, work) => immediateTransaction(client, work, { idle: IDLE_LIMIT }),
      sessionOf,
      statement: (client, sql, bindings) => sessionOf(client).query(sql, bindings),
      poolOf,
    }
    const logger = await this.app.container.make('logger')
    const legacy = await this.app.container.make('almanac.legacy')
    const db = await this.app.container.make('lucid.db')
    for (const source of config.legacy.values()) {
      const clients = {
        client: legacyClient(db, source, store.connection),
        requestClient: requestClient(db, source),
      }
      const deps = {
        ...clients,
        driver,
        clock: this.#clock,
        logger,
        counters: this.#counters,
        host: reportHost(this.app),
      }
      const adapter = new LegacyAdapter({ scheduler: almanac, config: source, ...deps })
      adapter.attach()
      legacy.add(source.name, adapter)
    }
  }

  /** What a built-in handler needs is loaded only where one is configured. */
  async #attachBuiltIn(almanac: Scheduler): Promise<void> {
    const root = this.app.makePath()
    const { config: whole } = await this.#resolve()
    const config = whole.builtIn(root)
    const { chores, ...handlers } = config
    if (chores.length === 0 && Object.values(handlers).every((one) => one === undefined)) {
      return
    }
    const { attachBuiltIn } = await import('../src/handlers/main.ts')
    const sessionOf = await this.#sessions(config.sql?.connections ?? [])
    const deps = { clock: this.#clock, root, env: process.env, sessionOf }
    attachBuiltIn({ scheduler: almanac, config, ...deps })
  }

  /** Sessions of the connections that `builtIn.sql` allows. */
  async #sessions(names: string[]) {
    const { sessionOf } = await import('../src/storage/database/lucid_session.ts')
    const db = names.length > 0 ? await this.app.container.make('lucid.db') : null
    names.forEach((name) => assertConnection(db!, 'builtIn.sql.connections', name))
    return (name: string) => sessionOf(db!.connection(name, { mode: 'write' }))
  }

  /** Whatever fails here, the app goes on ending. */
  async #drain(almanac: Scheduler): Promise<void> {
    let ignoring = 0
    try {
      await almanac.stop()
      // the app may have shut it down itself
      ignoring = almanac.state === 'shut down' ? 0 : almanac.capacity().running
      await almanac.shutdown()
      await this.#isolator?.close()
    } catch (error) {
      const logger = await this.app.container.make('logger')
      logger.error({ err: error }, 'Almanac did not stop cleanly')
      process.exitCode = 1
    }
    // Their work is rescued elsewhere; a test runner is left alone
    if (ignoring > 0 && this.app.getEnvironment() !== 'test') {
      this.#clock.timer(EXIT_GRACE, () => process.exit(1), { ref: false })
    }
  }
}
