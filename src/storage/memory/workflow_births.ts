import { E_EXECUTION_NOT_FOUND } from '../../errors.ts'
import type { Outcome } from '../../types/executions.ts'
import type { NewExecution } from '../contract.ts'
import { newExecution } from '../rules/new_records.ts'
import { isEnded } from '../rules/outcomes.ts'
import { planRun, withEnds, type RunPlan, type Waiting } from '../rules/workflow.ts'
import { applyVerdicts, endedAmong, endParents, waitingAmong } from './workflow_ends.ts'
import { storable, type MemoryTables } from './tables.ts'

/** Inserts the children of executions that went in. */
export function insertChildren(
  tables: MemoryTables,
  inputs: NewExecution[],
  inserted: { has(id: string): boolean },
  now: number
): void {
  for (const { id, children = [] } of inputs) {
    if (children.length > 0 && inserted.has(id)) {
      insertRun(tables, children, now)
    }
  }
}

function insertRun(tables: MemoryTables, children: NewExecution[], now: number): void {
  const plan = planRun(children, gathering(tables, children))
  const states = endsOf(tables, plan)
  const records = plan.inserts.map(({ input, links }) => {
    const parents = withEnds(links, states)
    tables.links.set(input.id, parents)
    return tables.insert(storable(newExecution({ ...input, parents }, now)))
  })
  const joined = plan.joined.map(({ record, links }) => {
    const parents = withEnds(links, states)
    tables.links.set(record.id, parents)
    return { record, links: parents }
  })
  const moved = applyVerdicts(tables, joined, now)
  endParents(tables, endedAmong([...records, ...moved]), now)
}

/** Executions of these events that wait for a parent still to come, and what waits for those. */
function gathering(tables: MemoryTables, children: NewExecution[]): Waiting[] {
  const eventIds = new Set(children.map(({ eventId }) => eventId).filter((id) => id !== null))
  if (eventIds.size === 0) {
    return []
  }
  const coming = tables.links
    .all()
    .filter(({ parentId, endedAs }) => parentId === null && endedAs === null)
  const roots = waitingAmong(tables, new Set(coming.map(({ childId }) => childId))).filter(
    ({ record }) => eventIds.has(record.eventId!)
  )
  const ids = new Set(roots.map(({ record }) => record.id))
  for (const id of ids) {
    tables.links.to([id]).forEach(({ childId }) => ids.add(childId))
  }
  return waitingAmong(tables, ids).filter(({ record }) => eventIds.has(record.eventId!))
}

/** @throws E_EXECUTION_NOT_FOUND */
function endsOf(tables: MemoryTables, { inserts, joined }: RunPlan): Map<string, Outcome> {
  const made = new Set(inserts.map(({ input }) => input.id))
  const states = new Map<string, Outcome>()
  for (const { parentId, endedAs } of [...inserts, ...joined].flatMap(({ links }) => links)) {
    if (parentId !== null && endedAs === null && !made.has(parentId)) {
      const parent = tables.executions.get(parentId)
      if (!parent) {
        throw new E_EXECUTION_NOT_FOUND([parentId])
      }
      if (isEnded(parent.state)) {
        states.set(parentId, parent.state)
      }
    }
  }
  return states
}

/** What waits for the next execution of events that will have none waits for the others alone. */
export function forgetComing(
  tables: MemoryTables,
  parentIds: string[],
  childId: string | null,
  now: number
): void {
  const isForgotten = ({
    parentId,
    parentEventId,
  }: {
    parentId: string | null
    parentEventId: string | null
  }) => parentId === null && parentIds.includes(parentEventId!)
  const coming = tables.links.all().filter(isForgotten)
  const left = waitingAmong(tables, new Set(coming.map((link) => link.childId)))
    .filter(({ record }) => childId === null || record.eventId === childId)
    .map(({ record, links }) => ({ record, links: links.filter((link) => !isForgotten(link)) }))
  left.forEach(({ record, links }) => tables.links.set(record.id, links))
  endParents(tables, endedAmong(applyVerdicts(tables, left, now)), now)
}
