import { tracingChannel } from 'node:diagnostics_channel'

/** One call of the store. */
export interface StorageTrace {
  /** `<store>.<method>`, such as `executions.claim` */
  operation: string
}

/** One attempt of an execution, from the start of its handler to its end. */
export interface ExecutionTrace {
  executionId: string
  eventId: string | null
  handler: string
  queue: string
  attempt: number
  node: string
}

/** One tick of the loop. */
export interface TickTrace {
  node: string
}

/**
 * Where a tracer (OpenTelemetry, a profiler) listens: Node.js tracing channels
 * `tracing:almanac.<name>:start` and so on. Nobody listening costs nothing.
 */
export const storageChannel = tracingChannel<'almanac.storage', StorageTrace>('almanac.storage')
export const executionChannel = tracingChannel<'almanac.execution', ExecutionTrace>(
  'almanac.execution'
)
export const tickChannel = tracingChannel<'almanac.tick', TickTrace>('almanac.tick')
