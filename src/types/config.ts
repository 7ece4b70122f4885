import type { Duration } from '../duration.ts'
import type {
  HandlerOptions,
  HandlerClass,
  HandlerFunction,
  Retention,
  RetryPolicy,
} from './handlers.ts'

/** Retention per outcome, then by handler and by event name. */
export interface RetentionConfig {
  outcomes: Record<
    'succeeded' | 'failed' | 'cancelled' | 'timed_out' | 'abandoned' | 'missed' | 'skipped',
    Retention
  >
  handlers?: Record<string, HandlerOptions['retention']>
  events?: Record<string, HandlerOptions['retention']>
  /** Age of journal rows. */
  journal: Duration | 'forever'
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
  poll: { min: number; max: number }
  lease: { ttl: number; renew: number }
  leader: { ttl: number; renew: number }
  /** Events listed per tick. */
  tickBatch: number
  /** Longest sleep of the ticker, ms. */
  tickMax: number
  timeout: number | null
  retry: RetryPolicy
  maxRescues: number
  /** Bytes of JSON. */
  maxPayload: number
  maxResult: number
  shutdown: { deadline: number }
  housekeeping: { interval: number; batch: number; retention: RetentionConfig }
  handlers: Record<string, HandlerClass | HandlerFunction>
}
