import { LONGEST } from '../../duration.ts'
import { toJson } from '../../json.ts'
import { ReleaseSignal, Succeeded } from '../../jobs/outcome.ts'
import type { AbortReason, HandlerContext, HandlerDefinition } from '../../types/handlers.ts'
import type { JsonObject, JsonValue } from '../../types/json.ts'
import { Backoff } from '../backoff.ts'
import { endOfThrow, failure } from '../engine/failure.ts'
import type { LogicEnd } from '../engine/flow_run.ts'
import { NODE_LOST } from '../engine/rescue.ts'
import type { SourceWork } from '../engine/source_handler.ts'
import type { FlowVerdict } from '../engine/verdict.ts'
import { orReleased } from '../request_closing.ts'
import { endRequest, untilStopped } from '../request_end.ts'
import { Refusal } from '../request_fields.ts'
import type { OpenRuntime, Runtime, SourceDeps } from '../runtime.ts'
import type { TypedPayload } from './payload.ts'
import { ToldProgress } from './told_progress.ts'

/** What the handler of a further request type is given as its payload. */
export interface LegacyRequestPayload<Payload = JsonObject> {
  /** REQUEST_TYPE, upper case. */
  type: string
  requestId: string
  mapref: string
  /** PAYLOAD of the row. */
  payload: Payload
}

/** What an attempt leaves for the next one. */
type Left = { begun: boolean; work: JsonValue }

interface Deps extends SourceDeps {
  open: OpenRuntime
}

/**
 * Requests of types that config gives a handler to. The handler runs once:
 * one that was cut off by a crash runs again only where it is declared
 * idempotent.
 */
export class TypedRequests implements SourceWork {
  readonly #deps: Deps
  readonly #backoff = new Backoff()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async run(context: HandlerContext): Promise<FlowVerdict> {
    const runtime = await orReleased(this.#backoff, () => this.#deps.open())
    const request = context.execution.payload as TypedPayload
    const details = { type: request.type }
    const work = () => this.#run(runtime, context, request)
    return untilStopped(this.#deps, runtime, context, { request, details, work })
  }

  async #run(
    runtime: Runtime,
    context: HandlerContext,
    request: TypedPayload
  ): Promise<FlowVerdict> {
    const began = this.#deps.clock.monotonic()
    const details: JsonObject = { type: request.type }
    let end: LogicEnd = { status: 'PC', counts: null, error: null }
    try {
      const result = await this.#handle(runtime, context, request)
      if (result !== null) {
        details.result = result
      }
    } catch (error) {
      end = this.#endOf(error, context, this.#deps.clock.monotonic() - began)
      if (error instanceof Succeeded && error.result !== null) {
        details.result = error.result
      }
    }
    return endRequest(this.#deps, runtime, context, { request, end, details })
  }

  /** @returns what the handler returned */
  async #handle(
    runtime: Runtime,
    context: HandlerContext,
    request: TypedPayload
  ): Promise<JsonValue> {
    const definition = this.#definition(request.type)
    const left = (context.checkpoint as Left | null) ?? { begun: false, work: null }
    if (left.begun && !definition.idempotent) {
      throw new Refusal(
        `${NODE_LOST}; handler "${definition.name}" is not declared idempotent and was not run again`
      )
    }
    await context.saveCheckpoint({ ...left, begun: true })
    context.extend(definition.timeout ?? LONGEST)
    const progress = this.#progress(runtime, request)
    try {
      const result = await definition.run(contextOf(context, request, left.work, progress))
      context.signal.throwIfAborted()
      return result === undefined
        ? null
        : (JSON.parse(toJson(result, { field: 'RESULT_PAYLOAD' })) as JsonValue)
    } finally {
      await progress.end()
    }
  }

  #definition(type: string): HandlerDefinition {
    const { scheduler, source } = this.#deps
    const key = `legacy.sources.${source.name}.requestTypes`
    const reference = source.requestTypes.get(type)
    if (reference === undefined) {
      throw new Refusal(`REQUEST_TYPE "${type}" has no handler in ${key} of this node`)
    }
    const name = scheduler.handlers.nameOf(reference)
    try {
      return scheduler.handlers.get(name)
    } catch {
      throw new Refusal(`${key}.${type} names the handler "${name}", which this node does not know`)
    }
  }

  #progress({ tables }: Runtime, { requestId, claim, mapref, type }: TypedPayload): ToldProgress {
    const { connection, clock, logger, scheduler } = this.#deps
    const own = { requestId, claimedBy: claim }
    const told = { status: 'IP', mapref, type, node: scheduler.nodeId }
    return new ToldProgress({
      clock,
      write: async (progress) =>
        tables.requestProgress?.note(connection.session, own, { ...told, progress }),
      failed: (error) => logger.debug({ err: error, requestId }, 'Progress could not be told'),
    })
  }

  /** @throws ReleaseSignal when it goes on elsewhere */
  #endOf(error: unknown, { signal }: HandlerContext, elapsed: number): LogicEnd {
    const aborted = signal.aborted ? (signal.reason as AbortReason) : null
    if (error instanceof ReleaseSignal || aborted === 'lease lost') {
      throw error
    }
    return error instanceof Refusal
      ? failure('REQUEST', error.reason)
      : endOfThrow(error, aborted, elapsed)
  }
}

/** The context of the execution, with the handler's own payload and checkpoint. */
function contextOf(
  context: HandlerContext,
  { type, requestId, mapref, payload }: TypedPayload,
  first: JsonValue,
  progress: ToldProgress
): HandlerContext<LegacyRequestPayload> {
  let work = first
  return {
    payload: { type, requestId, mapref, payload },
    execution: context.execution,
    attempt: context.attempt,
    parents: context.parents,
    slot: null,
    signal: context.signal,
    logger: context.logger,
    fencingToken: context.fencingToken,
    get checkpoint() {
      return work
    },
    progress: (given) => {
      context.progress(given)
      progress.tell(given)
    },
    saveCheckpoint: async (value) => {
      await context.saveCheckpoint({ begun: true, work: value })
      work = value
    },
    extend: (duration) => context.extend(duration),
    lock: (name, ttl) => context.lock(name, ttl),
  }
}
