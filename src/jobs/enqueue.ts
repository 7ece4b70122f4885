import { E_EMPTY_KEY, E_INVALID_INPUT } from '../errors.ts'
import { toMilliseconds, type Duration } from '../duration.ts'
import { executionNotice } from '../executions/notices.ts'
import { newId } from '../ids.ts'
import { toJson } from '../json.ts'
import { toInstant } from '../triggers/instant.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { EnqueueResult, NewExecution, Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { HandlerDefinition, HandlerReference } from '../types/handlers.ts'
import type { Instant, JsonValue } from '../types/json.ts'
import type { Notifier } from '../types/notifications.ts'
import type { Problem } from '../types/triggers.ts'
import type { HandlerRegistry } from './handler_registry.ts'

/** How an execution is enqueued; what is left out comes from the handler's options. */
export interface EnqueueOptions {
  /** The caller's transaction on the store's connection: the execution lives and dies with it. */
  client?: unknown
  /** Not before so long from now. */
  delay?: Duration
  /** Not before this instant. */
  availableAt?: Instant
  /** 1 first .. 10 last. */
  priority?: number
  queue?: string
  /** At most one open execution has this key; a second one is not inserted. */
  dedupeKey?: string
  /** At most one execution with this key runs at a time. */
  concurrencyKey?: string
  /** Longest run of one attempt. */
  timeout?: Duration
  /** Failed attempts after the first before it is over. */
  retries?: number
}

interface Deps {
  storage: Storage
  registry: HandlerRegistry
  notifier: Notifier
  clock: Clock
  counters: Counters
  config: Pick<CoreConfig, 'maxPayload'>
  /** There is work in the queue. */
  wake: () => void
}

/** Puts executions into the queue. */
export class Enqueuer {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async enqueue(
    handler: HandlerReference,
    payload: unknown,
    options: EnqueueOptions
  ): Promise<EnqueueResult> {
    const { storage, registry, config, clock } = this.#deps
    const now = clock.nowOrNull()
    const definition = registry.get(registry.nameOf(handler))
    const execution = toNewExecution(definition, payload, options, config.maxPayload)
    const { client } = options
    const [result] = await storage.executions.enqueue({ now, executions: [execution], client })
    if (result.inserted) {
      whenVisible(client, () => this.#announce(execution))
    }
    return result
  }

  #announce(execution: NewExecution): void {
    const { notifier, clock, counters, wake } = this.#deps
    counters.increment('executions.enqueued')
    const waiting = { ...execution, attempt: 0, node: null }
    notifier.emit('execution:queued', executionNotice(waiting, clock.now()))
    wake()
  }
}

/** The row for an execution that is to be enqueued. */
function toNewExecution(
  definition: HandlerDefinition,
  payload: unknown,
  options: EnqueueOptions,
  maxPayload: number
): NewExecution {
  check(definition.name, options)
  const text = toJson(payload, { field: 'payload', limit: maxPayload })
  const { timeout, availableAt, delay } = options
  return {
    id: newId(),
    eventId: null,
    handler: definition.name,
    queue: options.queue ?? definition.queue,
    origin: 'enqueue',
    payload: JSON.parse(text) as JsonValue,
    priority: options.priority ?? definition.priority,
    slot: null,
    slotKey: null,
    rerunOf: null,
    dedupeKey: options.dedupeKey ?? null,
    concurrencyKey: options.concurrencyKey ?? null,
    availableAt: availableAt === undefined ? null : toInstant(availableAt, 'availableAt'),
    delay: delay === undefined ? 0 : toMilliseconds(delay, 'delay'),
    timeout: timeout === undefined ? null : toMilliseconds(timeout, 'timeout'),
    retries: options.retries ?? null,
  }
}

function check(handler: string, options: EnqueueOptions): void {
  const problems: Problem[] = []
  const refuse = (field: keyof EnqueueOptions, message: string) =>
    problems.push({ field, value: String(options[field]), message })
  const { priority, queue, retries } = options

  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 1 && priority <= 10)) {
    refuse('priority', 'give 1 (first) to 10 (last)')
  }
  if (queue !== undefined && (typeof queue !== 'string' || queue === '')) {
    refuse('queue', 'give the name of a queue, or leave it out')
  }
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0)) {
    refuse('retries', 'give 0 or more')
  }
  if (options.delay !== undefined && options.availableAt !== undefined) {
    refuse('delay', 'give a delay or availableAt, not both')
  }
  if (problems.length > 0) {
    throw new E_INVALID_INPUT(`Enqueueing "${handler}"`, problems)
  }
  for (const field of ['dedupeKey', 'concurrencyKey'] as const) {
    if (options[field] === '') {
      throw new E_EMPTY_KEY([field])
    }
  }
}

/** Lucid's transactions tell when they have committed. */
interface CommitAware {
  after(event: 'commit', callback: () => void): unknown
}

/**
 * Runs `work` once the insert can be seen by others: now without a
 * transaction, after its commit with one.
 */
function whenVisible(client: unknown, work: () => void): void {
  if (client === undefined || client === null) {
    work()
  } else if (typeof (client as CommitAware).after === 'function') {
    const transaction = client as CommitAware
    transaction.after('commit', work)
  }
}
