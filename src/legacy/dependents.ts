import type { Counters } from '../counters.ts'
import type { JsonObject } from '../types/json.ts'
import type { Logger } from '../types/logger.ts'
import type { LegacySession } from './connection.ts'
import type { FlowRun } from './engine/flow_run.ts'
import { childRequestId } from './ids.ts'
import type { LegacyTables } from './tables/main.ts'

/** What the success of a parent set off. */
export interface QueuedChildren {
  /** REQUEST_IDs of the children's rows, new or there already. */
  queued: string[]
  /** Children that were not queued because the chain comes back to them. */
  loops: string[]
}

interface Deps {
  tables: LegacyTables
  logger: Logger
  counters: Counters
}

/**
 * Queues the children of a run that succeeded: every current, enabled schedule
 * whose DPND_JOBSCHID leads, through any version of the parent, to its MAPREF.
 *
 * A child's request carries the MAPREFs of the chain that led to it, so that a
 * loop in the table ends where it would close: each flow of it runs once per
 * start of the chain, and the loop is reported.
 */
export class Dependents {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Call it inside the parent's closing transaction. Queued twice counts as once. */
  async queue(session: LegacySession, run: FlowRun, now: number): Promise<QueuedChildren> {
    const { requests, schedules } = this.#deps.tables
    const found: QueuedChildren = { queued: [], loops: [] }
    // The load that a day belongs to queues them, once
    if (!requests || run.origin === 'day') {
      return found
    }
    const chain = [...run.cause.chain, run.mapref]
    for (const child of await schedules.listChildren(session, run.mapref)) {
      if (!child.enabled || child.mapref === null) {
        continue
      }
      if (chain.includes(child.mapref)) {
        found.loops.push(this.#reportLoop(run, [...chain, child.mapref]))
        continue
      }
      const requestId = childRequestId(run.prcid, child.jobschid)
      await requests.insert(session, {
        requestId,
        mapref: child.mapref,
        type: 'IMMEDIATE',
        payload: childPayload(run, child.jobschid, chain),
        now,
      })
      found.queued.push(requestId)
    }
    return found
  }

  #reportLoop(run: FlowRun, chain: string[]): string {
    const loop = chain.join(' > ')
    this.#deps.counters.increment('legacy.dependencyLoops')
    this.#deps.logger.warn(
      { mapref: run.mapref, prcid: run.prcid, chain: loop },
      'A dependency of the schedule table comes back to its start; the child was not queued'
    )
    return loop
  }
}

function childPayload(run: FlowRun, jobschid: number, chain: string[]): JsonObject {
  return {
    source: 'dependency',
    jobschid,
    parent: run.mapref,
    parent_prcid: run.prcid,
    chain,
    params: {},
  }
}
