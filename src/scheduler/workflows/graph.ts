import { E_EVENT_NOT_FOUND } from '../../errors.ts'
import { orderOf } from '../../loop/plan_order.ts'
import type { Storage } from '../../storage/contract.ts'
import type { EventRecord } from '../../types/events.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { DependencyRecord } from '../../types/workflows.ts'

export interface GraphNode {
  event: Pick<EventRecord, 'id' | 'name' | 'source' | 'handler' | 'status' | 'nextRunAt'>
  /** Its newest execution. */
  last: Pick<
    ExecutionRecord,
    'id' | 'state' | 'waitingFor' | 'reason' | 'createdAt' | 'startedAt' | 'finishedAt'
  > | null
}

/** What runs after what. Instants are epoch ms (UTC). */
export interface DependencyGraph {
  /** Parents before their children. */
  nodes: GraphNode[]
  edges: DependencyRecord[]
  /** Names of events that wait for each other, which plain SQL has made so; none of them runs after another. */
  loop: string[] | null
}

/**
 * All events that depend on each other; with an event those that it runs
 * after and that run after it, directly or not.
 *
 * @throws E_EVENT_NOT_FOUND
 */
export async function readGraph(storage: Storage, eventId?: string): Promise<DependencyGraph> {
  if (eventId !== undefined && !(await storage.events.find(eventId))) {
    throw new E_EVENT_NOT_FOUND([eventId])
  }
  const all = await storage.workflows.list()
  const edges = eventId === undefined ? all : around(eventId, all)
  const parentIds = [...new Set(edges.map(({ parentId }) => parentId))]
  const { events } = await storage.workflows.downstream({ eventIds: parentIds })
  const byId = new Map(events.map((event) => [event.id, event]))
  const parents = new Map<string, string[]>(parentIds.map((id) => [id, []]))
  edges.forEach(({ childId, parentId }) =>
    parents.set(childId, [...(parents.get(childId) ?? []), parentId])
  )
  const { ordered, loop } = orderOf(parents)
  const ids = [...ordered, ...[...parents.keys()].filter((id) => !ordered.includes(id))]
  const nodes = ids.flatMap((id) => byId.get(id) ?? []).map((event) => nodeOf(storage, event))
  const nameOf = (id: string) => byId.get(id)?.name ?? id
  return { nodes: await Promise.all(nodes), edges, loop: loop && loop.map(nameOf) }
}

/** The dependencies above and below an event. */
function around(eventId: string, all: DependencyRecord[]): DependencyRecord[] {
  const above = walk(eventId, all, 'childId', 'parentId')
  const below = walk(eventId, all, 'parentId', 'childId')
  return all.filter(({ childId, parentId }) => above.has(childId) || below.has(parentId))
}

type Side = 'childId' | 'parentId'

function walk(start: string, all: DependencyRecord[], from: Side, to: Side): Set<string> {
  const bySide = Map.groupBy(all, (dependency) => dependency[from])
  const found = new Set([start])
  for (const id of found) {
    bySide.get(id)?.forEach((dependency) => found.add(dependency[to]))
  }
  return found
}

async function nodeOf(storage: Storage, event: EventRecord): Promise<GraphNode> {
  const { id, name, source, handler, status, nextRunAt } = event
  const [newest] = await storage.executions.list({ eventId: id, limit: 1 })
  return {
    event: { id, name, source, handler, status, nextRunAt },
    last: newest ? lastOf(newest) : null,
  }
}

function lastOf(execution: ExecutionRecord): GraphNode['last'] {
  const { id, state, waitingFor, reason, createdAt, startedAt, finishedAt } = execution
  return { id, state, waitingFor, reason, createdAt, startedAt, finishedAt }
}
