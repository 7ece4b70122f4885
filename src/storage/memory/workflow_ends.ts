import type { ExecutionRecord, Outcome } from '../../types/executions.ts'
import { isEnded } from '../rules/outcomes.ts'
import { verdictOf, verdictPatch, type Waiting } from '../rules/workflow.ts'
import type { MemoryTables } from './tables.ts'

interface EndedParent {
  id: string
  outcome: Outcome
}

export function endedAmong(executions: ExecutionRecord[]): EndedParent[] {
  return executions.flatMap(({ id, state }) => (isEnded(state) ? [{ id, outcome: state }] : []))
}

/**
 * Releases or skips what waits for executions that have ended, transitively.
 *
 * @returns what was released or skipped
 */
export function endParents(
  tables: MemoryTables,
  ended: EndedParent[],
  now: number
): ExecutionRecord[] {
  const moved: ExecutionRecord[] = []
  let layer = ended
  while (layer.length > 0) {
    const children = new Set<string>()
    for (const { id, outcome } of layer) {
      for (const link of tables.links.to([id])) {
        link.endedAs ??= outcome
        children.add(link.childId)
      }
    }
    const after = applyVerdicts(tables, waitingAmong(tables, children), now)
    moved.push(...after)
    layer = endedAmong(after)
  }
  return moved
}

export function waitingAmong(tables: MemoryTables, ids: Iterable<string>): Waiting[] {
  return [...ids].flatMap((id) => {
    const record = tables.executions.get(id)
    const waits = record?.state === 'queued' && record.waitingFor !== null
    return waits ? [{ record, links: tables.links.of(id) }] : []
  })
}

/** @returns those that were released or skipped */
export function applyVerdicts(
  tables: MemoryTables,
  waiting: Waiting[],
  now: number
): ExecutionRecord[] {
  return waiting.flatMap(({ record, links }) => {
    const patch = verdictPatch(record, verdictOf(links), now)
    if (patch !== null) {
      tables.change(record, patch)
      tables.countOutcome(record)
    }
    return record.waitingFor === null ? [record] : []
  })
}
