import { E_DEPENDENCY_LOOP } from '../errors.ts'
import { orderOf } from './plan_order.ts'
import { executionOf, type ExecutionDefaults } from './slot_execution.ts'
import type { Profiles } from './slot_payload.ts'
import type { EventGraph, NewExecution, NewParent } from '../storage/contract.ts'
import type { EventRecord } from '../types/events.ts'
import type { DependencyRecord } from '../types/workflows.ts'

/** A graph of events, made ready for many look-ups. */
export class ChildGraph {
  readonly #events: Map<string, EventRecord>
  readonly #children: Map<string, DependencyRecord[]>
  readonly #parents: Map<string, DependencyRecord[]>

  constructor({ events, dependencies }: EventGraph) {
    this.#events = new Map(events.map((event) => [event.id, event]))
    this.#children = Map.groupBy(dependencies, ({ parentId }) => parentId)
    this.#parents = Map.groupBy(dependencies, ({ childId }) => childId)
  }

  event(id: string): EventRecord | undefined {
    return this.#events.get(id)
  }

  /** What an event runs after, as far as that is there. */
  parentsOf(id: string): { event: EventRecord; on: DependencyRecord['on'] }[] {
    return (this.#parents.get(id) ?? []).flatMap(({ parentId, on }) => {
      const event = this.#events.get(parentId)
      return event ? [{ event, on }] : []
    })
  }

  /** The active events that run after one, directly or not. */
  below(rootId: string): Map<string, EventRecord> {
    const found = new Map<string, EventRecord>()
    const queue = [rootId]
    for (const id of queue) {
      for (const { childId } of this.#children.get(id) ?? []) {
        const event = this.#events.get(childId)
        if (event?.status === 'active' && childId !== rootId && !found.has(childId)) {
          found.set(childId, event)
          queue.push(childId)
        }
      }
    }
    return found
  }
}

export interface ChildrenInput {
  graph: ChildGraph
  newId: () => string
  /** Where executions of a handler go when the event says nothing. */
  defaults: (handler: string) => ExecutionDefaults
  profiles: Profiles
}

/** An event of which no execution could be planned: what runs after it alone is left out too. */
export interface ChildProblem {
  event: EventRecord
  error: unknown
}

/**
 * The executions that follow one of an event, parents before their children.
 * Those of its descendants take part that are active. A parent that does not
 * run after the root, or does not take part, is waited for in whichever run
 * of a workflow it comes next.
 *
 * @returns the root with its run; the same where nothing runs after its event
 */
export function planChildren(
  root: NewExecution,
  input: ChildrenInput
): { root: NewExecution; problems: ChildProblem[] } {
  const problems: ChildProblem[] = []
  const children: NewExecution[] = []
  const ids = new Map(root.eventId === null ? [] : [[root.eventId, root.id]])
  for (const event of root.eventId === null ? [] : inOrder(root.eventId, input.graph, problems)) {
    const parents = parentsFor(event, ids, input.graph)
    // Else none of the ancestors through which it is reached could be planned
    if (parents.some(({ parentId }) => parentId !== null)) {
      try {
        const { profiles, newId, defaults } = input
        const options = { id: newId(), defaults: defaults(event.handler), profiles }
        const made = executionOf(event, options)
        ids.set(event.id, made.id)
        children.push({ ...made, origin: 'workflow', workflowId: root.id, parents })
      } catch (error) {
        problems.push({ event, error })
      }
    }
  }
  const run = children.length === 0 ? root : { ...root, workflowId: root.id, children }
  return { root: run, problems }
}

/** The active descendants, parents first; those of a loop that plain SQL has made are problems. */
function inOrder(rootId: string, graph: ChildGraph, problems: ChildProblem[]): EventRecord[] {
  const below = graph.below(rootId)
  const parents = [...below.keys()].map((id): [string, string[]] => [
    id,
    graph.parentsOf(id).map(({ event }) => event.id),
  ])
  const { ordered, loop } = orderOf(new Map(parents))
  if (loop) {
    const error = new E_DEPENDENCY_LOOP([loop.map((id) => below.get(id)!.name).join(' -> ')])
    problems.push(...[...new Set(loop)].map((id) => ({ event: below.get(id)!, error })))
  }
  return ordered.map((id) => below.get(id)!)
}

function parentsFor(event: EventRecord, ids: Map<string, string>, graph: ChildGraph): NewParent[] {
  const parents = graph.parentsOf(event.id)
  const names = Map.groupBy(parents, (parent) => parent.event.name)
  return parents.map(({ event: { id, name, source }, on }) => ({
    parentId: ids.get(id) ?? null,
    parentEventId: id,
    // Names are unique within a source alone
    name: names.get(name)!.length > 1 ? `${source}:${name}` : name,
    on,
  }))
}
