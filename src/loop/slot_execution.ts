import { E_INVALID_INPUT } from '../errors.ts'
import { slotKey } from '../keys.ts'
import { jitterOf } from '../triggers/jitter.ts'
import { payloadOf, type Profiles } from './slot_payload.ts'
import type { NewExecution } from '../storage/contract.ts'
import type { EventRecord } from '../types/events.ts'
import type { NextSlot } from './slot_search.ts'

/** Where an execution goes when its event says nothing. */
export interface ExecutionDefaults {
  queue: string
  priority: number
}

export const EXECUTION_DEFAULTS: ExecutionDefaults = { queue: 'default', priority: 5 }

/** The handlers that this process knows: a scheduled run goes where its handler's options say. */
export interface KnownHandlers {
  has(name: string): boolean
  get?(name: string): ExecutionDefaults
}

export function defaultsOf(handlers?: KnownHandlers): (handler: string) => ExecutionDefaults {
  return (handler) => {
    const known = handlers?.has(handler) ? handlers.get?.(handler) : undefined
    return known ? { queue: known.queue, priority: known.priority } : EXECUTION_DEFAULTS
  }
}

/**
 * The key under which executions of an event run one at a time: its own, else
 * the event itself, else (overlap `allow`) none.
 */
export function concurrencyKeyOf(
  event: Pick<EventRecord, 'id' | 'concurrencyKey' | 'overlap'>
): string | null {
  return event.concurrencyKey ?? (event.overlap === 'allow' ? null : `event:${event.id}`)
}

/** What an execution needs beside its event. */
export interface ExecutionOptions {
  id: string
  defaults: ExecutionDefaults
  profiles: Profiles
}

/**
 * Refuses an event that plain SQL has made invalid: parts of it may be lost.
 *
 * @throws E_INVALID_INPUT
 */
export function refuseBroken({ id, name, problem }: EventRecord): void {
  if (problem !== null) {
    const found = { field: 'row', value: id, message: problem }
    throw new E_INVALID_INPUT(`Event "${name}" as plain SQL left it`, [found])
  }
}

/**
 * What every execution of an event has in common.
 *
 * @throws E_INVALID_INPUT when plain SQL has made the event invalid
 * @throws E_UNKNOWN_PROFILE
 */
export function executionOf(event: EventRecord, options: ExecutionOptions): NewExecution {
  refuseBroken(event)
  return {
    id: options.id,
    eventId: event.id,
    handler: event.handler,
    queue: event.queue ?? options.defaults.queue,
    origin: 'manual',
    payload: payloadOf(event, options.profiles),
    meta: event.meta,
    subject: event.subject,
    priority: event.priority ?? options.defaults.priority,
    slot: null,
    slotKey: null,
    rerunOf: null,
    dedupeKey: null,
    concurrencyKey: concurrencyKeyOf(event),
    availableAt: null,
    timeout: event.timeout,
    retries: event.retries,
  }
}

/**
 * The execution of one slot; its slot key lets the store hold it once. A
 * jitter delays when it may be claimed, and leaves slot and key alone.
 */
export function slotExecution(
  event: EventRecord,
  slot: number,
  options: ExecutionOptions & { next: NextSlot }
): NewExecution {
  const { trigger, id } = event
  return {
    ...executionOf(event, options),
    origin: 'schedule',
    slot,
    slotKey: slotKey(event.id, slot),
    availableAt: trigger.jitter ? slot + jitterOf(trigger, id, slot, options.next) : null,
  }
}
