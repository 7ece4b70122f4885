import type { Duration } from '../duration.ts'
import type { Outcome } from './executions.ts'
import type { JsonValue } from './json.ts'
import type {
  HandlerOptions,
  HandlerClass,
  HandlerFunction,
  LogLevel,
  Retention,
  RetryPolicy,
} from './handlers.ts'
import type { ExclusionRules } from './triggers.ts'

/** Retention per outcome, then by handler and by event name. */
export interface RetentionConfig {
  outcomes: Record<Outcome, Retention>
  handlers?: Record<string, HandlerOptions['retention']>
  events?: Record<string, HandlerOptions['retention']>
  /** Age of journal rows. */
  journal: Duration | 'forever'
  /** Age of the daily totals, which outlive the executions that they count. */
  totals: Duration | 'forever'
}

/** The kinds of processes of the host app, as AdonisJS names them. */
export type ProcessRole = 'web' | 'console' | 'test' | 'repl'

/** How long ownership holds without a sign of life, and how often it is renewed. */
export interface LeaseOptions {
  ttl?: Duration
  /** At most a third of `ttl`, so that two renewals may fail. */
  renew?: Duration
}

/** How the executions of one queue are run. */
export interface QueueOptions {
  /**
   * `node`: by the nodes that claim them. `queue`: handed to @adonisjs/queue,
   * whose workers run them. Default `node`.
   */
  executor?: 'node' | 'queue'
  /** With executor `node`: places of this node's concurrency that the queue has for itself. */
  concurrency?: number
  /** With executor `queue`: handed over by this node and not begun, at most. Default 500. */
  ahead?: number
}

export type QueueSettings = Required<Pick<QueueOptions, 'executor' | 'ahead'>>

/**
 * What config/almanac.ts may say about the scheduler itself. Every key has a
 * default; durations are ms or texts such as `'15s'`.
 */
export interface AlmanacOptions {
  /** Name of this node: letters, digits, `.`, `_`, `-`, at most 40. Default: the host name. */
  node?: string
  /** False keeps only the loop off: nothing fires, queued work still runs. Default true. */
  enabled?: boolean
  /**
   * Processes that run the loop without being told to by `almanac:work`.
   * Default: none, so that web processes do not start schedulers of their own.
   */
  roles?: ProcessRole[]
  /** Executions at once on this node. Default 10. */
  concurrency?: number
  /**
   * Executions claimed ahead of a free slot, at most: as many as the handlers, going by how
   * quick they were, begin within 250 ms; handed back on drain. Default 1000.
   */
  prefetch?: number
  /**
   * Queues that this node works on. Default null: all. As an object it says
   * how each is run: a queue may have places of its own among `concurrency`
   * (it runs no more at once, and no other takes them), or be run by another
   * engine. `'*'` stands for all other queues.
   */
  queues?: string[] | Record<string, QueueOptions> | null
  /**
   * Longest wait between two looks at the queue while idle. Default `1s`. After
   * work the waits begin at 50 ms and double.
   */
  poll?: Duration | { min?: Duration; max?: Duration }
  /** Lease of an execution. Default 30 s, renewed every 10 s. */
  lease?: LeaseOptions
  /** Lease of the leader. Default 15 s, renewed every 5 s. */
  leader?: LeaseOptions
  /**
   * Of the nodes that run the loop, the one with the highest leads: it takes
   * over at the end of a term, between two ticks. Default 0.
   */
  leaderPriority?: number
  /** How far this node's wall clock may be from the database's before it warns. Default `5s`. */
  maxClockSkew?: Duration
  /** Due events listed per tick. Default 500. */
  tickBatch?: number
  /** Longest sleep of the ticker: how late a new event may be noticed. Default `1s`. */
  tickMax?: Duration
  /** Longest run of one attempt, where the handler says nothing. Default null: no limit. */
  timeout?: Duration | null
  /** Where the handler says nothing. Default: 3 retries, exponential from 10 s to 15 min, jitter 0.2. */
  retry?: Partial<RetryPolicy> | false
  /**
   * Where `context.lock` keeps its locks: `auto` takes those of @adonisjs/lock
   * where the app has set them up, else leases of the store; `store` always
   * takes leases. Default `auto`.
   */
  locks?: 'auto' | 'store'
  /** Times that an execution may lose its node before it is abandoned. Default 5. */
  maxRescues?: number
  /** Bytes of JSON of a payload. Default 1 MiB. */
  maxPayload?: number
  /** Bytes of JSON of the `meta` of an event or execution. Default 16 KiB. */
  maxMeta?: number
  /** Payloads by name, which events name as their `profile` and lay their own payload over. */
  profiles?: Record<string, JsonValue>
  /**
   * How soon a row of almanac_events that plain SQL has changed is noticed; a
   * divisor of a minute, an hour or a day. Default `1m`.
   */
  changeCheckInterval?: Duration
  /** Bytes of JSON of a result. Default 256 KiB. */
  maxResult?: number
  /** Entries below it are left out of executions' logs. Default `trace`: all are kept. */
  logLevel?: LogLevel
  /** How long running handlers get to end when the process stops. Default 30 s. */
  shutdown?: { deadline?: Duration }
  housekeeping?: {
    /** Between two rounds; a divisor of a minute, an hour or a day. Default `15s`. */
    interval?: Duration
    /** Rows per statement. Default 500. */
    batch?: number
    retention?: {
      outcomes?: Partial<Record<Outcome, Retention>>
      handlers?: RetentionConfig['handlers']
      events?: RetentionConfig['events']
      /** Default 180 days. */
      journal?: Duration | 'forever'
      /** Of the daily totals that statistics read; at least a day. Default 730 days. */
      totals?: Duration | 'forever'
    }
  }
  /** Between two syncs of a legacy schedule table; a divisor of a minute, an hour or a day. Default `1m`. */
  syncInterval?: Duration
  /** Handlers by name, besides those found in `handlersFolder`. */
  handlers?: Record<string, HandlerClass | HandlerFunction>
  /** Days and times that triggers exclude by name: `exclude: { calendars: ['bank-holidays'] }`. */
  calendars?: Record<string, ExclusionRules>
  /** Every module in it default-exports a handler. Default `app/handlers`; null looks nowhere. */
  handlersFolder?: string | null
}

/**
 * What the core components are given: all durations in ms, all defaults set.
 */
export interface CoreConfig {
  /** Name of this node; the boot id is added to it. */
  node: string
  /** False keeps only the loop off. */
  enabled: boolean
  /** Executions at once on this node. */
  concurrency: number
  /** Executions claimed ahead of a free slot. */
  prefetch: number
  queues: string[] | null
  /** Places of this node's concurrency that one queue has for itself. */
  queuePlaces: Record<string, number>
  /** Of the queues that config names. */
  queueSettings: Record<string, QueueSettings>
  poll: { min: number; max: number }
  lease: { ttl: number; renew: number }
  leader: { ttl: number; renew: number }
  /** The highest leads. */
  leaderPriority: number
  /** ms */
  maxClockSkew: number
  /** Events listed per tick. */
  tickBatch: number
  /** Longest sleep of the ticker, ms. */
  tickMax: number
  timeout: number | null
  retry: RetryPolicy
  locks: 'auto' | 'store'
  maxRescues: number
  /** Bytes of JSON. */
  maxPayload: number
  maxMeta: number
  profiles: Record<string, JsonValue>
  /** ms */
  changeCheckInterval: number
  maxResult: number
  logLevel: LogLevel
  shutdown: { deadline: number }
  housekeeping: { interval: number; batch: number; retention: RetentionConfig }
  handlers: Record<string, HandlerClass | HandlerFunction>
  calendars: Record<string, ExclusionRules>
}
