import type { FlowCheckpoint, HandlerContext, HandlerDefinition } from '../../../types/handlers.ts'
import type { RunParams } from '../../params.ts'
import type { RunCounts, Runner, RunnerInput } from './runner.ts'

/** The payload of a handler that runs a legacy flow. */
export interface LegacyFlowPayload {
  mapref: string
  prcid: number
  sessionid: number
  params: RunParams
}

/** What a handler that runs a legacy flow is given. */
export type LegacyFlowContext = Omit<HandlerContext<LegacyFlowPayload>, 'checkpoint'> & {
  readonly checkpoint: FlowCheckpoint
}

const COUNTS = {
  sourceRows: ['sourceRows', 'source_rows'],
  targetRows: ['targetRows', 'target_rows'],
  errorRows: ['errorRows', 'error_rows'],
} as const

/**
 * Runs a registered handler in place of DWLOGIC. What the handler returns as
 * `sourceRows`, `targetRows` and `errorRows` (or `source_rows`, …) are the counts.
 */
export class HandlerRunner implements Runner {
  readonly name = 'handler'
  readonly atomic = false
  readonly timeout: number | null
  readonly #definition: HandlerDefinition

  constructor(definition: HandlerDefinition) {
    this.#definition = definition
    this.timeout = definition.timeout
  }

  async run(input: RunnerInput): Promise<RunCounts | null> {
    const { mapref, prcid, sessionId, params, context } = input
    const payload: LegacyFlowPayload = { mapref, prcid, sessionid: sessionId, params }
    const result = await this.#definition.run(withPayload(context, payload, input))
    return countsOf(result)
  }
}

/** The context of the execution, with the handler's own payload. */
function withPayload(
  context: HandlerContext,
  payload: LegacyFlowPayload,
  { signal, logger, checkpoint }: Pick<RunnerInput, 'signal' | 'logger' | 'checkpoint'>
): HandlerContext {
  const given: LegacyFlowContext = {
    payload,
    signal,
    logger,
    execution: context.execution,
    attempt: context.attempt,
    parents: context.parents,
    slot: context.slot,
    fencingToken: context.fencingToken,
    checkpoint: {
      get stored() {
        return context.checkpoint
      },
      load: () => checkpoint.load(),
      save: (value) => checkpoint.save(value),
      complete: () => checkpoint.complete(),
    },
    progress: (progress) => context.progress(progress),
    saveCheckpoint: (value) => context.saveCheckpoint(value),
    extend: (duration) => context.extend(duration),
    lock: (name, ttl) => context.lock(name, ttl),
  }
  // A handler that may run flows declares what it is given; any other stores no JSON there either
  return given as unknown as HandlerContext
}

/** Null unless the result names at least one count. */
function countsOf(result: unknown): RunCounts | null {
  if (result === null || typeof result !== 'object') {
    return null
  }
  const given = result as Record<string, unknown>
  const read = (names: readonly string[]) =>
    names.map((name) => given[name]).find((value) => typeof value === 'number')
  const counts = {
    sourceRows: read(COUNTS.sourceRows),
    targetRows: read(COUNTS.targetRows),
    errorRows: read(COUNTS.errorRows),
  }
  const known = Object.values(counts).some((count) => count !== undefined)
  return known
    ? {
        sourceRows: toCount(counts.sourceRows),
        targetRows: toCount(counts.targetRows),
        errorRows: toCount(counts.errorRows),
      }
    : null
}

/** The columns hold whole numbers that are not negative. */
function toCount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.max(0, Math.round(value)) : 0
}
