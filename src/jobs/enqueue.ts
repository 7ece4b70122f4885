import { endedNotice, executionNotice } from '../executions/notices.ts'
import { newId } from '../ids.ts'
import { toJson } from '../json.ts'
import { readOptions, type EnqueueOptions, type ReadOptions } from './enqueue_options.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { EnqueueResult, NewExecution, Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { HandlerDefinition, HandlerReference } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import type { Notifier } from '../types/notifications.ts'
import type { HandlerRegistry } from './handler_registry.ts'

export type { EnqueueOptions } from './enqueue_options.ts'

interface Deps {
  storage: Storage
  registry: HandlerRegistry
  notifier: Notifier
  clock: Clock
  counters: Counters
  config: Pick<CoreConfig, 'maxPayload' | 'maxMeta'>
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
    const { storage, clock } = this.#deps
    const now = clock.nowOrNull()
    const execution = this.plan(handler, payload, options)
    const { client } = options
    const [result] = await storage.executions.enqueue({ now, executions: [execution], client })
    const { expired, ...answer } = result
    if (expired) {
      whenVisible(client, () => this.#announceExpired(expired))
    }
    if (result.inserted) {
      whenVisible(client, () => this.#announce(execution))
    } else if (result.change) {
      whenVisible(client, () => this.#deps.wake())
    }
    return answer
  }

  /** The execution that `enqueue` would insert. */
  plan(handler: HandlerReference, payload: unknown, options: EnqueueOptions): NewExecution {
    const { registry, config } = this.#deps
    const definition = registry.get(registry.nameOf(handler))
    const read = readOptions(definition.name, options, config.maxMeta)
    return toNewExecution(definition, payload, read, config.maxPayload)
  }

  /** Inserts executions without keys, with their children, in one transaction. */
  async enqueueRun(executions: NewExecution[], client?: unknown): Promise<void> {
    const { storage, clock } = this.#deps
    await storage.executions.enqueue({ now: clock.nowOrNull(), executions, client })
    whenVisible(client, () => executions.forEach((execution) => this.#announce(execution)))
  }

  #announceExpired(execution: ExecutionRecord): void {
    const { notifier, clock, counters } = this.#deps
    counters.increment('executions.missed')
    const end = {
      outcome: 'missed' as const,
      duration: null,
      reason: execution.reason,
      error: null,
    }
    notifier.emit('execution:missed', endedNotice(execution, end, clock.now()))
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
  options: ReadOptions,
  maxPayload: number
): NewExecution {
  const text = toJson(payload, { field: 'payload', limit: maxPayload })
  return {
    id: newId(),
    eventId: null,
    handler: definition.name,
    queue: options.queue ?? definition.queue,
    origin: 'enqueue',
    payload: JSON.parse(text) as JsonValue,
    meta: options.meta ?? null,
    subject: options.subject ?? null,
    priority: options.priority ?? definition.priority,
    slot: null,
    slotKey: null,
    rerunOf: null,
    dedupeKey: options.dedupeKey ?? null,
    onDuplicate: options.dedupe ?? 'skip',
    expiresIn: options.expiresIn ?? null,
    concurrencyKey: options.concurrencyKey ?? null,
    availableAt: options.availableAt ?? null,
    delay: options.delay ?? 0,
    timeout: options.timeout ?? null,
    retries: options.retries ?? null,
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
