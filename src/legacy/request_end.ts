import { Cancelled } from '../jobs/outcome.ts'
import type { HandlerContext } from '../types/handlers.ts'
import type { JsonObject } from '../types/json.ts'
import type { LogicEnd } from './engine/flow_run.ts'
import { Stops } from './engine/stops.ts'
import { verdictOf, type FlowVerdict } from './engine/verdict.ts'
import { untilWritten } from './request_closing.ts'
import type { Runtime, SourceDeps } from './runtime.ts'

/** Whose request it is. */
export interface OwnRequest {
  requestId: string
  /** CLAIMED_BY of the row. */
  claim: string
  mapref: string
}

/**
 * Ends a request that is no run of a flow: DONE or FAILED, with what it came
 * to, as long as it still is this claim's.
 *
 * @throws ReleaseSignal at shutdown, with the write-back still missing
 */
export async function endRequest(
  { connection, scheduler, clock, logger }: SourceDeps,
  { tables }: Runtime,
  context: HandlerContext,
  { request, end, details }: { request: OwnRequest; end: LogicEnd; details: JsonObject }
): Promise<FlowVerdict> {
  const { requestId, claim: claimedBy, mapref } = request
  const message = end.error ? { message: end.error.message } : {}
  const told = { status: end.status, mapref, ...details, ...message }
  const status = end.status === 'PC' ? 'DONE' : 'FAILED'
  const written = await untilWritten({ clock, logger }, context, async () => {
    const now = await connection.now()
    const result = { ...told, node: scheduler.nodeId }
    return tables.requests?.finish(connection.session, {
      requestId,
      claimedBy,
      status,
      result,
      now,
    })
  })
  return written
    ? verdictOf(end, told)
    : new Cancelled(`request "${requestId}" is no longer claimed by "${claimedBy}"`)
}

/**
 * Does the work of such a request. Where a stop by force finds no hearing, the
 * request ends without it: the work goes on, and changes nothing of that.
 */
export async function untilStopped(
  deps: SourceDeps,
  runtime: Runtime,
  context: HandlerContext,
  {
    request,
    details,
    work,
  }: { request: OwnRequest; details: JsonObject; work: () => Promise<FlowVerdict> }
): Promise<FlowVerdict> {
  const stops = new Stops({ ...deps, grace: deps.source.stopGrace })
  const outcome = await stops.around(context, work, (end) =>
    endRequest(deps, runtime, context, { request, end, details })
  )
  return 'closed' in outcome ? outcome.closed : outcome.done
}
