import { toExecutionError } from '../executions/error_record.ts'
import { progressProblem, readProgress } from '../executions/progress_value.ts'
import { toMilliseconds } from '../duration.ts'
import { copyJson, toJson } from '../json.ts'
import { packReturned, packThrown, revive } from './wire.ts'
import { RemoteLock } from './remote_lock.ts'
import { Throttle } from './throttle.ts'
import type { Clock } from '../clock.ts'
import type { ExecutionError } from '../types/executions.ts'
import type {
  FlowCheckpoint,
  HandlerContext,
  HandlerFunction,
  LogLevel,
  Progress,
} from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import type { FromHandler, Job, Line, Request, ToHandler } from './wire.ts'

/** Entries sent of one attempt: one more than are kept, which tells that there were more. */
const MAX_LOGS = 1_001
/** Between two values of progress, ms: a quick loop must not flood the line. */
const PROGRESS = 100

/** The handler's side of an isolated run: its context, made of messages. */
export class HandlerSide {
  readonly #line: Line<FromHandler, ToHandler>
  readonly #controller = new AbortController()
  readonly #calls = new Map<number, PromiseWithResolvers<JsonValue | undefined>>()
  readonly #locks: RemoteLock[] = []
  readonly #progress: Throttle<Progress>
  #lastCall = 0
  #logs = 0
  #refusedProgress = false

  constructor(line: Line<FromHandler, ToHandler>, clock: Clock) {
    this.#line = line
    this.#progress = new Throttle(clock, PROGRESS, (progress) =>
      line.send({ type: 'progress', progress })
    )
    line.onMessage((message) => this.#take(message))
  }

  /** Runs the handler, and tells how it ended. */
  async perform(job: Job, handler: HandlerFunction): Promise<void> {
    const warn = (message: string) => this.#log('warn', message)
    const context = this.#context(job)
    const end = await Promise.try(handler, context).then(
      (value) => packReturned(value, warn),
      (error: unknown) => packThrown(error, warn)
    )
    this.#progress.flush()
    this.#line.send({ type: 'end', end })
  }

  /** The run could not begin. */
  refuse(error: unknown): void {
    this.#line.send({ type: 'end', end: packThrown(error, () => undefined) })
  }

  abort(reason: unknown): void {
    if (!this.#controller.signal.aborted) {
      this.#controller.abort(reason)
    }
  }

  #take(message: ToHandler): void {
    if (message.type === 'abort') {
      this.abort(message.reason)
    } else if (message.type === 'answer') {
      this.#answered(message)
    } else if (message.type === 'lock lost') {
      this.#locks[message.lock]?.lost()
    }
  }

  #answered({ call, value, error }: { call: number; value?: JsonValue; error?: ExecutionError }) {
    const waiting = this.#calls.get(call)
    this.#calls.delete(call)
    if (error) {
      waiting?.reject(revive(error))
    } else {
      waiting?.resolve(value)
    }
  }

  #call(request: Request): Promise<JsonValue | undefined> {
    const call = ++this.#lastCall
    const answer = Promise.withResolvers<JsonValue | undefined>()
    this.#calls.set(call, answer)
    this.#line.send({ type: 'call', call, request })
    return answer.promise
  }

  #log(level: LogLevel, message: string, data?: Record<string, unknown>): void {
    if (++this.#logs <= MAX_LOGS) {
      const plain = data === undefined ? undefined : plainData(data)
      this.#line.send({ type: 'log', level, message: String(message), data: plain })
    }
  }

  /** What no message carries is left out here, and told in the log: the first of an attempt. */
  #readProgress(value: unknown): Progress {
    return readProgress(value, (...problem) => {
      if (!this.#refusedProgress) {
        this.#refusedProgress = true
        this.#log('warn', progressProblem(...problem))
      }
    })
  }

  #context({ execution, payload, parents, checkpoint: before, ofFlow }: Job): HandlerContext {
    let checkpoint = before
    const flow = ofFlow ? this.#flow(() => checkpoint) : null
    const at = (level: LogLevel) => (message: string, data?: Record<string, unknown>) =>
      this.#log(level, message, data)
    return {
      payload,
      execution: copyJson(execution, 'frozen'),
      attempt: execution.attempt,
      parents,
      slot: execution.slot,
      signal: this.#controller.signal,
      logger: {
        trace: at('trace'),
        debug: at('debug'),
        info: at('info'),
        warn: at('warn'),
        error: at('error'),
      },
      fencingToken: execution.attempt,
      get checkpoint() {
        return flow ? (flow as unknown as JsonValue) : checkpoint
      },
      progress: (value) => this.#progress.set(this.#readProgress(value)),
      saveCheckpoint: async (value) => {
        const stored = JSON.parse(toJson(value, { field: 'checkpoint' })) as JsonValue
        await this.#call({ verb: 'saveCheckpoint', value: stored })
        checkpoint = stored
      },
      extend: (duration) =>
        this.#line.send({ type: 'extend', ms: toMilliseconds(duration, 'duration') }),
      lock: (name, ttl) => {
        const lock = new RemoteLock(this.#locks.length, name, ttl, (request) => this.#call(request))
        this.#locks.push(lock)
        return lock
      },
    }
  }

  /** The position of a flow, kept on the other side. */
  #flow(stored: () => JsonValue): FlowCheckpoint {
    const told = async (request: Request) => void (await this.#call(request))
    return {
      get stored() {
        return stored()
      },
      load: async () => (await this.#call({ verb: 'loadPosition' })) ?? null,
      save: (value) => told({ verb: 'savePosition', value }),
      complete: () => told({ verb: 'completePosition' }),
    }
  }
}

/** Errors are spelled out, as in the log of a handler that is not isolated. */
function plainData(data: Record<string, unknown>): JsonValue {
  const spelled = Object.entries(data).map(([key, value]) => [
    key,
    value instanceof Error ? toExecutionError(value) : value,
  ])
  try {
    return JSON.parse(toJson(Object.fromEntries(spelled), { field: 'data' })) as JsonValue
  } catch (error) {
    return { dataNotStored: toExecutionError(error).message }
  }
}
