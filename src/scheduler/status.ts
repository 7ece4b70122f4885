import type { NodeRecord, Storage } from '../storage/contract.ts'
import type { ControlRecord } from '../types/controls.ts'
import type { EventStatus } from '../types/events.ts'
import type { ExecutionState } from '../types/executions.ts'
import type { Chores, StatusProblem } from './chores.ts'
import type { Components } from './components.ts'
import type { PullerStatus } from './pullers/puller_log.ts'
import { pullerProblems } from './pullers/pullers.ts'

export type SchedulerState =
  'not booted yet' | 'ready' | 'starting' | 'running' | 'stopping' | 'shut down'

/** What `almanac.status()` tells. Instants are epoch ms (UTC). */
export interface AlmanacStatus {
  /** The store's clock. */
  at: number
  /** Of this process: only `running` claims work. */
  state: SchedulerState
  /** `<node>.<boot>` of this process. */
  node: string
  /** False: the loop is kept off in this process. */
  enabled: boolean
  /** Whether this process leads. */
  isLeader: boolean
  /** Who leads now, by the store; null when nobody does. */
  leader: { node: string; term: number; expiresAt: number } | null
  /** The working processes that the store knows. */
  nodes: NodeRecord[]
  events: Record<EventStatus, number>
  executions: Partial<Record<ExecutionState, number>>
  /** Queued executions that no handler of this process can run. */
  unknownHandlers: { handler: string; count: number }[]
  /** What is paused at run time, with its author and reason. */
  paused: ControlRecord[]
  /** The next slot of any event. */
  nextDueAt: number | null
  capacity: { total: number; free: number; running: number }
  /** What this process has counted since it started. */
  counters: Record<string, number>
  /** The APIs that events come from, as the nodes tell that ask them. */
  pullers: PullerStatus[]
  /** What failed the last time it was tried, and goes on being tried. */
  problems: StatusProblem[]
}

/** The part of the status that the store knows. */
export async function storedStatus(
  storage: Storage,
  params: { now: number | null; lease: string; knows: (handler: string) => boolean }
) {
  const [now, lease, nodes, events, executions, queued, nextDueAt] = await Promise.all([
    params.now ?? storage.now(),
    storage.leases.find(params.lease),
    storage.nodes.list(),
    storage.events.countByStatus(),
    storage.executions.countByState(),
    storage.executions.countQueuedByHandler(),
    storage.events.nextDueAt(),
  ])
  const leads = lease !== null && lease.expiresAt > now
  return {
    at: now,
    leader: leads ? { node: lease.owner, term: lease.term, expiresAt: lease.expiresAt } : null,
    nodes,
    events,
    executions,
    unknownHandlers: queued.filter(({ handler }) => !params.knows(handler)),
    nextDueAt,
  }
}

/** What fails in this process, of all its parts. */
export function allProblems(
  parts: Components,
  chores: Chores,
  pullers: PullerStatus[]
): StatusProblem[] {
  const sources = parts.jobs
    .sources()
    .filter(({ error }) => error !== null)
    .map(({ name, error, failures }) => ({
      part: `work of ${name}`,
      message: String(error),
      count: failures,
    }))
  const housekeeping = parts.housekeeper
    .problems()
    .map(({ part, message }) => ({ part: `housekeeping: ${part}`, message }))
  return [...chores.problems(), ...sources, ...pullerProblems(pullers), ...housekeeping]
}
