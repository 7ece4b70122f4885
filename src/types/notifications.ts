import type { Outcome } from './executions.ts'

/** Fields that every notification about an event carries. */
export interface EventNotice {
  eventId: string
  name: string
  source: string
  /** UTC, ISO 8601 */
  at: string
  actor: string
}

export interface ExecutionNotice {
  executionId: string
  eventId: string | null
  handler: string
  queue: string
  /** The slot, UTC, ISO 8601; null for runs without one. */
  slot: string | null
  attempt: number
  node: string | null
  at: string
}

export interface EndedNotice extends ExecutionNotice {
  outcome: Outcome
  /** ms from the handler's start to its end; null when it never began. */
  duration: number | null
  reason: string | null
  error: { name: string; message: string; code?: string } | null
}

/** What Almanac emits on the host app's emitter. */
export interface AlmanacEvents {
  'event:created': EventNotice
  'event:updated': EventNotice
  'event:deleted': EventNotice
  'event:paused': EventNotice
  'event:resumed': EventNotice
  'event:cancelled': EventNotice
  'event:completed': EventNotice
  'event:skipped': EventNotice
  /** Plain SQL left the event in a state that cannot be used. */
  'event:problem': EventNotice & { problem: string }
  'slot:fired': {
    eventId: string
    name: string
    executionId: string
    slot: string
    lateness: number
    at: string
  }
  'slot:missed': {
    eventId: string
    name: string
    executionId: string
    first: string
    last: string
    count: number
    reason: string
    at: string
  }
  'execution:queued': ExecutionNotice
  'execution:started': ExecutionNotice
  'execution:progress': ExecutionNotice & {
    progress: {
      percent?: number
      message?: string
      done?: number
      total?: number
      /** Units of `done` (else percent) a second. */
      rate?: number
      /** ms that are left at this rate. */
      remaining?: number
    }
  }
  'execution:retried': ExecutionNotice & { error: EndedNotice['error']; availableAt: string }
  'execution:succeeded': EndedNotice
  'execution:failed': EndedNotice
  'execution:cancelled': EndedNotice
  'execution:timed_out': EndedNotice
  'execution:abandoned': EndedNotice
  'execution:missed': EndedNotice
  'execution:skipped': EndedNotice
  'leader:acquired': { node: string; term: number; at: string }
  'leader:lost': { node: string; term: number; reason: string; at: string }
  'node:joined': { node: string; at: string }
  'node:lost': { node: string; at: string }
  'source:synced': {
    source: string
    added: number
    changed: number
    removed: number
    unchanged: number
    problems: { key: string; message: string }[]
    at: string
  }
}

/**
 * Where components announce what happened. `emit` never throws and never
 * waits: a listener that fails harms nothing.
 */
export interface Notifier {
  emit<K extends keyof AlmanacEvents>(name: K, data: AlmanacEvents[K]): void
}
