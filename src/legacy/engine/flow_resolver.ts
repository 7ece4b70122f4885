import { E_LEGACY_FLOW } from '../../errors.ts'
import type { LegacySession } from '../connection.ts'
import { Groups } from '../groups.ts'
import type { SourceDeps } from '../runtime.ts'
import type { FlowRow, JobFlows } from '../tables/job_flows.ts'
import type { Runner } from './runners/runner.ts'

/** What runs for a MAPREF, or why nothing can. */
export type ResolvedFlow =
  { ok: true; flow: FlowRow; runner: Runner; idempotent: boolean } | { ok: false; reason: string }

export type RunnableFlow = Extract<ResolvedFlow, { ok: true }>

interface Deps extends Pick<SourceDeps, 'logger' | 'counters'> {
  /** Outside of any transaction. */
  session: LegacySession
  flows: Pick<JobFlows, 'activeFlow' | 'activeOf'>
  /** @throws E_LEGACY_FLOW when no allowed runner fits */
  runners: { select(flow: FlowRow): { runner: Runner; idempotent: boolean } }
}

/**
 * Finds the active flow of a MAPREF and the runner for its logic. Flows that
 * are asked for together are read together, and never kept: a run is to see
 * what was changed before it began.
 */
export class FlowResolver {
  readonly #deps: Deps
  readonly #flows: Groups<string, FlowRow>

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

/** Whether a run that was cut off in its logic may simply begin again. */
export function mayBeginAgain(resolved: ResolvedFlow): boolean {
  return resolved.ok && (resolved.runner.atomic || resolved.idempotent)
}
