import { E_LEGACY_FLOW } from '../../errors.ts'
import type { LegacySession } from '../connection.ts'
import { Groups } from '../groups.ts'
import type { SourceDeps } from '../runtime.ts'
import type { FlowRow, JobFlows } from '../tables/job_flows.ts'
import type { ClaimedRequestId } from '../tables/request_sets.ts'
import type { Runner } from './runners/runner.ts'

/** What runs for a MAPREF, or why nothing can. */
export type ResolvedFlow =
  { ok: true; flow: FlowRow; runner: Runner; idempotent: boolean } | { ok: false; reason: string }

export type RunnableFlow = Extract<ResolvedFlow, { ok: true }>

/** Most flows that wait for their run; a claim that comes to nothing leaves one behind. */
const MOST_KEPT = 1_000

interface Deps extends Pick<SourceDeps, 'logger' | 'counters'> {
  /** Outside of any transaction. */
  session: LegacySession
  flows: Pick<JobFlows, 'activeFlow' | 'activeOf'>
  /** @throws E_LEGACY_FLOW when no allowed runner fits */
  runners: { select(flow: FlowRow): { runner: Runner; idempotent: boolean } }
}

/**
 * Finds the active flow of a MAPREF and the runner for its logic. Flows that
 * are asked for together are read together, and kept for nothing but the run
 * that they were read for: the next one is to see what was changed since.
 */
export class FlowResolver {
  readonly #deps: Deps
  readonly #flows: Groups<string, FlowRow>
  readonly #kept = new Map<string, RunnableFlow>()

  constructor(deps: Deps) {
    this.#deps = deps
    const { session, flows, logger, counters } = deps
    this.#flows = new Groups({
      name: 'flows',
      logger,
      counters,
      one: (mapref) => flows.activeFlow(session, mapref),
      many: async (maprefs) => {
        const found = await flows.activeOf(session, [...new Set(maprefs)])
        return maprefs.map((mapref) => found.get(mapref) ?? null)
      },
    })
  }

  /** Keeps what was found at the claim of a request for the beginning of its run. */
  keep(claimed: ClaimedRequestId, flow: RunnableFlow): void {
    if (this.#kept.size >= MOST_KEPT) {
      this.#kept.delete(this.#kept.keys().next().value!)
    }
    this.#kept.set(keyOf(claimed), flow)
  }

  /** What was kept for a request, once. @returns null when there is nothing */
  take(claimed: ClaimedRequestId): RunnableFlow | null {
    const key = keyOf(claimed)
    const flow = this.#kept.get(key) ?? null
    this.#kept.delete(key)
    return flow
  }

  async resolve(mapref: string): Promise<ResolvedFlow> {
    try {
      const flow = await this.#flows.add(mapref)
      return { ok: true, flow, ...this.#deps.runners.select(flow) }
    } catch (error) {
      if (error instanceof E_LEGACY_FLOW) {
        return { ok: false, reason: error.message }
      }
      throw error
    }
  }
}

function keyOf({ requestId, claimedBy }: ClaimedRequestId): string {
  return `${requestId}@${claimedBy}`
}

/** Whether a run that was cut off in its logic may simply begin again. */
export function mayBeginAgain(resolved: ResolvedFlow): boolean {
  return resolved.ok && (resolved.runner.atomic || resolved.idempotent)
}
