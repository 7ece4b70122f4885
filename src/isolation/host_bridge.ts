import { toExecutionError } from '../executions/error_record.ts'
import type { FlowCheckpoint, HandlerContext, HandlerLock } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import {
  flowCheckpoint,
  type FromHandler,
  type Line,
  type Request,
  type ToHandler,
  type WhichLock,
  type WireEnd,
} from './wire.ts'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const

/**
 * This side of an isolated handler: what it asks of its context is done with
 * the context here, so that guards, caps and fences are the same.
 */
export class HostBridge {
  readonly #line: Line<ToHandler, FromHandler>
  readonly #context: HandlerContext
  readonly #locks = new Map<number, HandlerLock>()
  readonly #end = Promise.withResolvers<WireEnd>()
  readonly #onAbort = () => this.#line.send({ type: 'abort', reason: this.#context.signal.reason })

  constructor(line: Line<ToHandler, FromHandler>, context: HandlerContext) {
    this.#line = line
    this.#context = context
    line.onMessage((message) => this.#take(message))
    context.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** How the handler ended; pending for ever when it never says so. */
  get end(): Promise<WireEnd> {
    return this.#end.promise
  }

  close(): void {
    this.#context.signal.removeEventListener('abort', this.#onAbort)
  }

  #take(message: FromHandler): void {
    switch (message.type) {
      case 'log':
        if (LEVELS.includes(message.level)) {
          const { level, data } = message
          this.#context.logger[level](message.message, data as Record<string, unknown> | undefined)
        }
        return
      case 'progress':
        return this.#context.progress(message.progress)
      case 'extend':
        return this.#context.extend(message.ms)
      case 'call':
        void this.#answer(message.call, message.request)
        return
      case 'end':
        this.#end.resolve(message.end)
    }
  }

  async #answer(call: number, request: Request): Promise<void> {
    try {
      this.#line.send({ type: 'answer', call, value: await this.#perform(request) })
    } catch (error) {
      this.#line.send({ type: 'answer', call, error: toExecutionError(error) })
    }
  }

  async #perform(request: Request): Promise<JsonValue> {
    switch (request.verb) {
      case 'saveCheckpoint':
        await this.#context.saveCheckpoint(request.value)
        return null
      case 'loadPosition':
        return this.#flow.load()
      case 'savePosition':
        await this.#flow.save(request.value as string)
        return null
      case 'completePosition':
        await this.#flow.complete()
        return null
      case 'tryAcquire':
        return this.#lock(request).tryAcquire()
      case 'acquire':
        await this.#lock(request).acquire({ wait: request.wait ?? undefined })
        return null
      case 'extendLock':
        await this.#lock(request).extend(request.length ?? undefined)
        return null
      case 'release':
        await this.#lock(request).release()
        return null
    }
  }

  get #flow(): FlowCheckpoint {
    const flow = flowCheckpoint(this.#context)
    if (!flow) {
      throw new Error('this execution runs no flow that has a position')
    }
    return flow
  }

  #lock({ lock: id, name, ttl }: WhichLock): HandlerLock {
    const known = this.#locks.get(id)
    if (known) {
      return known
    }
    const lock = this.#context.lock(name, ttl)
    lock.signal.addEventListener('abort', () => this.#line.send({ type: 'lock lost', lock: id }))
    this.#locks.set(id, lock)
    return lock
  }
}
