import { AssertionError } from 'node:assert'
import { inspect, isDeepStrictEqual } from 'node:util'
import { newId } from '../ids.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { HandlerReference, PayloadOf } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import { fakeExecution } from './fake_execution.ts'
import type { Events } from './types.ts'

/** A call of `almanac.enqueue` that was recorded instead of stored. */
export interface FakeEnqueued {
  id: string
  handler: string
  payload: unknown
  options: Record<string, unknown>
}

/** A call of `almanac.trigger` that was recorded instead of run. */
export interface FakeTriggered {
  id: string
  eventId: string
  payload: unknown
}

/** What a payload must be: equal to a value, or accepted by a function. */
export type PayloadCheck<Payload> = Payload | ((payload: Payload, call: FakeEnqueued) => boolean)

/**
 * Stands in for the queue: `enqueue` and `trigger` are recorded, nothing is
 * stored and nothing runs.
 *
 * ```ts
 * using fake = almanac.fake()
 * await placeOrder()
 * fake.assertEnqueued(SendReceipt, { orderId: 1 })
 * ```
 */
export class FakeAlmanac implements Disposable {
  readonly enqueued: FakeEnqueued[] = []
  readonly triggered: FakeTriggered[] = []
  readonly #nameOf: (handler: HandlerReference) => string
  readonly #restore: () => void

  constructor(deps: { nameOf: (handler: HandlerReference) => string; restore: () => void }) {
    this.#nameOf = deps.nameOf
    this.#restore = deps.restore
  }

  recordEnqueue(
    handler: HandlerReference,
    payload: unknown,
    options: object
  ): { id: string; inserted: boolean } {
    const id = newId()
    this.enqueued.push({ id, handler: this.#nameOf(handler), payload, options: { ...options } })
    return { id, inserted: true }
  }

  recordTrigger(eventId: string, payload: JsonValue | undefined, now: number): ExecutionRecord {
    const execution = fakeExecution({ eventId, payload: payload ?? null, now })
    this.triggered.push({ id: execution.id, eventId, payload })
    return execution
  }

  /** @throws AssertionError unless some call enqueued this handler (with this payload) */
  assertEnqueued<H extends HandlerReference>(
    handler: H,
    payload?: PayloadCheck<PayloadOf<H>>
  ): void {
    if (this.#calls(handler, payload).length === 0) {
      this.#fail(`Expected ${this.#describe(handler, payload)} to be enqueued`)
    }
  }

  /** @throws AssertionError when some call enqueued this handler (with this payload) */
  assertNotEnqueued<H extends HandlerReference>(
    handler: H,
    payload?: PayloadCheck<PayloadOf<H>>
  ): void {
    if (this.#calls(handler, payload).length > 0) {
      this.#fail(`Expected ${this.#describe(handler, payload)} not to be enqueued`)
    }
  }

  /** @throws AssertionError unless exactly `count` calls enqueued this handler */
  assertEnqueuedCount(handler: HandlerReference, count: number): void {
    const found = this.#calls(handler).length
    if (found !== count) {
      this.#fail(`Expected ${this.#describe(handler)} to be enqueued ${count} times, not ${found}`)
    }
  }

  /** @throws AssertionError when anything was enqueued */
  assertNothingEnqueued(): void {
    if (this.enqueued.length > 0) {
      this.#fail('Expected nothing to be enqueued')
    }
  }

  /** @throws AssertionError unless the event was triggered */
  assertTriggered(eventId: string): void {
    if (!this.triggered.some((call) => call.eventId === eventId)) {
      this.#fail(`Expected event "${eventId}" to be triggered`)
    }
  }

  /** @throws AssertionError when any event was triggered */
  assertNothingTriggered(): void {
    if (this.triggered.length > 0) {
      this.#fail('Expected nothing to be triggered')
    }
  }

  /** Forgets what was recorded. */
  clear(): void {
    this.enqueued.length = 0
    this.triggered.length = 0
  }

  /** Puts the real queue back. */
  restore(): void {
    this.#restore()
  }

  [Symbol.dispose](): void {
    this.restore()
  }

  #calls(handler: HandlerReference, check?: PayloadCheck<never>): FakeEnqueued[] {
    const name = this.#nameOf(handler)
    return this.enqueued.filter((call) => call.handler === name && accepts(check, call))
  }

  #describe(handler: HandlerReference, check?: unknown): string {
    const name = `"${this.#nameOf(handler)}"`
    if (check === undefined) {
      return name
    }
    return typeof check === 'function'
      ? `${name} with a payload that the function accepts`
      : `${name} with ${inspect(check, { breakLength: Infinity })}`
  }

  #fail(expectation: string): never {
    const calls = [
      ...this.enqueued.map((call) => `  enqueued ${call.handler} ${inspect(call.payload)}`),
      ...this.triggered.map((call) => `  triggered ${call.eventId} ${inspect(call.payload)}`),
    ]
    const seen = calls.length > 0 ? `recorded:\n${calls.join('\n')}` : 'nothing was recorded'
    throw new AssertionError({ message: `${expectation}; ${seen}`, stackStartFn: this.#fail })
  }
}

function accepts(check: unknown, call: FakeEnqueued): boolean {
  if (check === undefined) {
    return true
  }
  return typeof check === 'function'
    ? check(call.payload, call) === true
    : isDeepStrictEqual(call.payload, check)
}

/** The same events, whose `trigger` goes through the faked facade. */
export function fakedEvents(events: Events, trigger: Events['trigger']): Events {
  return new Proxy(events, {
    get(target, key) {
      if (key === 'trigger') {
        return trigger
      }
      const member: unknown = Reflect.get(target, key, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}
