import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import { sleep, type Clock } from '../../clock.ts'
import type { Logger } from '../../types/logger.ts'
import type { StoreChange, StoreWatch, StoreWatcher } from '../contract.ts'
import { channelSql, NOTIFY_TRIGGERS, TOLD } from './schema/notify.ts'
import { knexOf } from './sqlite_handle.ts'

/** Bounds of the wait before it connects again, ms. */
const MIN_BACKOFF = 250
const MAX_BACKOFF = 30_000
/** How long the server gets to end a connection, ms. */
const GOODBYE = 1_000
/** After so long without a word the system asks whether the server is still there, ms. */
const KEEP_ALIVE = 30_000

/** The part of a connection of pg that is used here. */
interface Connection {
  connection: { stream: { setKeepAlive(on: boolean, delay: number): void; destroy(): void } }
  query(sql: string): Promise<{ rows: Record<string, unknown>[] }>
  escapeIdentifier(name: string): string
  on(event: 'notification', listener: (message: { payload?: string }) => void): void
  on(event: 'error', listener: (error: Error) => void): void
  once(event: 'end', listener: () => void): void
  end(): Promise<void>
  unref(): void
}

interface Deps {
  client: QueryClientContract
  watcher: StoreWatcher
  clock: Clock
  logger: Logger
}

/**
 * Listens to what PostgreSQL tells of new work, on one connection that it opens
 * beside the pool, as the pool would. A connection that breaks is opened again
 * with growing pauses; it never keeps the process alive.
 */
export class PostgresListener implements StoreWatch {
  readonly #deps: Deps
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #failures = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  start(): this {
    this.#running = this.#run()
    return this
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        if (!(await this.#listen())) {
          return
        }
      } catch (error) {
        this.#lost(error)
      }
      const backoff = MIN_BACKOFF * 2 ** Math.min(20, Math.max(0, this.#failures - 1))
      await sleep(unrefed(this.#deps.clock), Math.min(MAX_BACKOFF, backoff), signal)
    }
  }

  /**
   * Listens until the connection breaks, which it throws, or until the stop.
   *
   * @returns false when there is nothing to listen to
   */
  async #listen(): Promise<boolean> {
    const stopped = aborted(this.#stopping.signal)
    const connecting = this.#connect()
    const connection = await Promise.race([connecting, stopped])
    if (!connection) {
      // A server that does not answer is not waited for
      void connecting.then((late) => this.#close(late)).catch(() => {})
      return false
    }
    const { promise: broken, reject } = Promise.withResolvers<never>()
    connection.on('error', reject)
    connection.once('end', () => reject(new Error('the connection ended')))
    connection.on('notification', ({ payload }) => this.#told(payload))
    // The server may break it while nobody waits for that yet
    broken.catch(() => {})
    try {
      // A server that stopped answering must not hold up the stop
      const channel = await Promise.race([channelOf(connection), broken, stopped])
      if (channel === undefined) {
        return false
      }
      if (channel === null) {
        this.#deps.logger.info({}, 'PostgreSQL has no triggers that tell of work: it is polled for')
        return false
      }
      const listening = connection.query(`listen ${connection.escapeIdentifier(channel)}`)
      await Promise.race([listening, broken, stopped])
      if (this.#stopping.signal.aborted) {
        return false
      }
      this.#failures = 0
      this.#deps.watcher.listening()
      await Promise.race([stopped, broken])
      return true
    } finally {
      await this.#close(connection)
    }
  }

  /** With the pool's settings, and never one of its connections. */
  async #connect(): Promise<Connection> {
    const connection = (await knexOf(this.#deps.client).acquireRawConnection()) as Connection
    connection.unref()
    connection.connection.stream.setKeepAlive(true, KEEP_ALIVE)
    return connection
  }

  #told(payload: string | undefined): void {
    if (Object.values<string | undefined>(TOLD).includes(payload)) {
      this.#deps.watcher.changed(payload as StoreChange)
    }
  }

  #lost(error: unknown): void {
    this.#failures++
    if (this.#failures === 1 && !this.#stopping.signal.aborted) {
      this.#deps.watcher.lost(error)
    }
  }

  /** A server that does not answer is not waited for. */
  async #close(connection: Connection): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = this.#deps.clock.timer(GOODBYE, resolve)
    await Promise.race([connection.end().catch(() => {}), late])
    timer.cancel()
    connection.connection.stream.destroy()
  }
}

/** The channel of the store's tables; null where no trigger tells. */
async function channelOf(connection: Connection): Promise<string | null> {
  const names = Object.keys(NOTIFY_TRIGGERS).map((name) => `'${name}'`)
  const { rows } = await connection.query(
    `select ${channelSql('nspname')} as channel from pg_trigger
      join pg_class on pg_class.oid = tgrelid join pg_namespace on pg_namespace.oid = relnamespace
      where tgname in (${names.join(', ')}) and tgenabled <> 'D'
        and tgrelid in (to_regclass('almanac_executions'), to_regclass('almanac_events')) limit 1`
  )
  return rows.length === 0 ? null : (rows[0].channel as string)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
    } else {
      signal.addEventListener('abort', () => resolve(), { once: true })
    }
  })
}

/** The clock with timers that do not keep the process alive. */
function unrefed(clock: Clock): Clock {
  return Object.assign(Object.create(clock) as Clock, {
    timer: (delay: number, callback: () => void) => clock.timer(delay, callback, { ref: false }),
  })
}
