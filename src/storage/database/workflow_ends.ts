import type { ExecutionRecord, Outcome } from '../../types/executions.ts'
import { isEnded } from '../rules/outcomes.ts'
import { verdictOf, verdictPatch, type Waiting } from '../rules/workflow.ts'
import { countOutcomes } from './event_rows.ts'
import { lockExecutions, patchExecutions } from './execution_rows.ts'
import { linksOf, linksTo, noteEnds } from './link_rows.ts'
import type { Work } from './work.ts'

export interface EndedParent {
  id: string
  outcome: Outcome
}

/**
 * Releases or skips what waits for executions that end in this unit of work
 * (their rows are locked), layer by layer: what is skipped is a parent that
 * ended too. Whoever changes the links of an execution that waits has its row
 * locked, so that of two parents that end at once the second sees both ends.
 *
 * @returns what was released or skipped, by the parent that moved it
 */
export async function endParents(
  work: Work,
  ended: EndedParent[],
  now: number
): Promise<Map<string, ExecutionRecord[]>> {
  const moved = new Map<string, ExecutionRecord[]>()
  // Of what is skipped, the parent that the caller knows
  const origins = new Map(ended.map(({ id }) => [id, id]))
  let layer = ended
  while (layer.length > 0) {
    const links = await linksTo(
      work,
      layer.map(({ id }) => id)
    )
    const waiting = await lockWaiting(
      work,
      links.map(({ childId }) => childId)
    )
    for (const [outcome, parents] of Map.groupBy(layer, (parent) => parent.outcome)) {
      await noteEnds(
        work,
        parents.map(({ id }) => id),
        outcome
      )
    }
    const after = await settleWaiting(work, waiting, now)
    for (const child of after) {
      const link = links.find(({ childId }) => childId === child.id)!
      const origin = origins.get(link.parentId!)!
      origins.set(child.id, origin)
      moved.set(origin, [...(moved.get(origin) ?? []), child])
    }
    layer = endedAmong(after)
  }
  return moved
}

/** The executions among these that wait, locked in order of their ids. */
export async function lockWaiting(
  work: Work,
  ids: string[]
): Promise<Map<string, ExecutionRecord>> {
  const locked = await lockExecutions(work, ids)
  const records = [...locked.values()].map(({ record }) => record)
  return new Map(
    records
      .filter(({ state, waitingFor }) => state === 'queued' && waitingFor !== null)
      .map((record) => [record.id, record])
  )
}

/** Decides about executions that wait, by their links as they are stored. */
async function settleWaiting(
  work: Work,
  waiting: Map<string, ExecutionRecord>,
  now: number
): Promise<ExecutionRecord[]> {
  const links = await linksOf(work, [...waiting.keys()])
  const standing = [...waiting.values()].map((record) => ({
    record,
    links: links.get(record.id) ?? [],
  }))
  return applyVerdicts(work, standing, now)
}

/** @returns those that were released or skipped, as they are now */
export async function applyVerdicts(
  work: Work,
  waiting: Waiting[],
  now: number
): Promise<ExecutionRecord[]> {
  const changes = waiting.flatMap(({ record, links }) => {
    const patch = verdictPatch(record, verdictOf(links), now)
    return patch === null ? [] : [{ id: record.id, patch, after: { ...record, ...patch } }]
  })
  await patchExecutions(work, changes)
  const moved = changes.map(({ after }) => after).filter(({ waitingFor }) => waitingFor === null)
  await countOutcomes(
    work,
    moved.flatMap(({ eventId, state }) =>
      isEnded(state) ? [{ eventId, outcome: state, startedAt: null }] : []
    )
  )
  return moved
}

export function endedAmong(executions: ExecutionRecord[]): EndedParent[] {
  return executions.flatMap(({ id, state }) => (isEnded(state) ? [{ id, outcome: state }] : []))
}
