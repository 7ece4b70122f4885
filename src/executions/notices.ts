import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { toIso } from '../triggers/instant.ts'
import type { ExecutionError, ExecutionRecord, Outcome } from '../types/executions.ts'
import type { EndedNotice, ExecutionNotice, Notifier } from '../types/notifications.ts'

/** Many notices tell of one millisecond: its text is kept. */
let instant = { ms: 0, text: toIso(0) }

function isoOf(ms: number): string {
  if (instant.ms !== ms) {
    instant = { ms, text: toIso(ms) }
  }
  return instant.text
}

/** The part of an execution that its notices tell. */
export type Noticed = Pick<
  ExecutionRecord,
  'id' | 'eventId' | 'handler' | 'queue' | 'slot' | 'attempt' | 'node'
>

export function executionNotice(execution: Noticed, at: number): ExecutionNotice {
  return {
    executionId: execution.id,
    eventId: execution.eventId,
    handler: execution.handler,
    queue: execution.queue,
    slot: execution.slot === null ? null : toIso(execution.slot),
    attempt: execution.attempt,
    node: execution.node,
    at: isoOf(at),
  }
}

/** How an execution ended, as far as its notice tells. */
export interface EndFacts {
  outcome: Outcome
  /** ms from the handler's start to its end; null when it never began. */
  duration: number | null
  reason: string | null
  error: ExecutionError | null
}

export function endedNotice(execution: Noticed, end: EndFacts, at: number): EndedNotice {
  const { outcome, duration, reason, error } = end
  const ended = { outcome, duration, reason, error: errorNotice(error) }
  return Object.assign(executionNotice(execution, at), ended)
}

/** Name, message and code of an error: its stack stays in the store. */
export function errorNotice(error: ExecutionError | null): EndedNotice['error'] {
  if (!error) {
    return null
  }
  const { name, message, code } = error
  return code === undefined ? { name, message } : { name, message, code }
}

/** Tells of children that the end of a parent has released or skipped; @returns whether one may begin */
export function announceChildren(
  { notifier, counters, clock }: { notifier: Notifier; counters: Counters; clock: Clock },
  children: ExecutionRecord[] = []
): boolean {
  const at = clock.now()
  const released = children.filter(({ state }) => state === 'queued')
  const skipped = children.filter(({ state }) => state === 'skipped')
  counters.increment('executions.released_children', released.length)
  counters.increment('executions.skipped', skipped.length)
  released.forEach((child) => notifier.emit('execution:queued', executionNotice(child, at)))
  for (const child of skipped) {
    const end = { outcome: 'skipped' as const, duration: null, reason: child.reason, error: null }
    notifier.emit('execution:skipped', endedNotice(child, end, at))
  }
  return released.length > 0
}
