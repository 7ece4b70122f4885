import { E_EXECUTION_NOT_FOUND } from '../../errors.ts'
import type { Outcome } from '../../types/executions.ts'
import type { NewExecution } from '../contract.ts'
import { newExecution } from '../rules/new_records.ts'
import { isEnded } from '../rules/outcomes.ts'
import { planRun, withEnds, type RunPlan, type Waiting } from '../rules/workflow.ts'
import { lockEvents } from './event_rows.ts'
import { insertExecutions, lockExecutions } from './execution_rows.ts'
import { insertLinks, linksOf, linksTo, replaceLinks, toLink } from './link_rows.ts'
import { applyVerdicts, endedAmong, endParents, lockWaiting } from './workflow_ends.ts'
import { chunks, inList, type Work } from './work.ts'

/**
 * Inserts the children of executions that went in, in the same transaction.
 *
 * @throws E_EXECUTION_NOT_FOUND when a parent is unknown
 */
export async function insertChildren(
  work: Work,
  inputs: NewExecution[],
  inserted: { has(id: string): boolean },
  now: number
): Promise<void> {
  for (const { id, children = [] } of inputs) {
    if (children.length > 0 && inserted.has(id)) {
      await insertRun(work, children, now)
    }
  }
}

async function insertRun(work: Work, children: NewExecution[], now: number): Promise<void> {
  const waiting = await lockGathering(work, children)
  const plan = await settledPlan(work, planRun(children, waiting))
  const records = plan.inserts.map(({ input, links }) =>
    newExecution({ ...input, parents: links }, now)
  )
  await insertExecutions(work, records)
  await insertLinks(
    work,
    plan.inserts.flatMap(({ links }) => links)
  )
  await replaceLinks(
    work,
    plan.joined.map(({ record, links }) => ({ childId: record.id, links }))
  )
  await markParents(work, plan)
  const moved = await applyVerdicts(work, plan.joined, now)
  await endParents(work, endedAmong([...records, ...moved]), now)
}

/**
 * Of the events of these children, the executions that wait for a parent that
 * is still to come, and what waits for those: they are joined. Their events
 * are locked, so that only one is made of each.
 */
async function lockGathering(work: Work, children: NewExecution[]): Promise<Waiting[]> {
  const eventIds = new Set(children.map(({ eventId }) => eventId).filter((id) => id !== null))
  if (eventIds.size === 0) {
    return []
  }
  await lockEvents(work, [...eventIds])
  const ids = new Set<string>()
  let layer = await gatheringIds(work, [...eventIds])
  while (layer.length > 0) {
    layer.forEach((id) => ids.add(id))
    const links = await linksTo(work, layer)
    layer = links.map(({ childId }) => childId).filter((id) => !ids.has(id))
  }
  const locked = await lockWaiting(work, [...ids])
  const links = await linksOf(work, [...locked.keys()])
  return [...locked.values()]
    .filter(({ eventId }) => eventId !== null && eventIds.has(eventId))
    .map((record) => ({ record, links: links.get(record.id) ?? [] }))
}

async function gatheringIds(work: Work, eventIds: string[]): Promise<string[]> {
  const ids: string[] = []
  for (const chunk of chunks(eventIds)) {
    const list = inList(chunk)
    const rows = await work.all(
      `select link.child_id from almanac_execution_parents link
        join almanac_executions child on child.id = link.child_id
        where link.parent_id is null and link.ended_as is null and child.event_id in ${list.sql}
          and child.state = 'queued' and child.finished_at is null`,
      list.bindings
    )
    ids.push(...rows.map((row) => row.child_id as string))
  }
  return [...new Set(ids)].sort()
}

/** Parents that are no part of the run may have ended already: they are locked and looked at. */
async function settledPlan(work: Work, plan: RunPlan): Promise<RunPlan> {
  const made = new Set(plan.inserts.map(({ input }) => input.id))
  const outside = [...plan.inserts, ...plan.joined]
    .flatMap(({ links }) => links)
    .filter(({ parentId, endedAs }) => parentId !== null && endedAs === null && !made.has(parentId))
    .map(({ parentId }) => parentId!)
  const found = await lockExecutions(work, outside)
  const missing = outside.find((id) => !found.has(id))
  if (missing !== undefined) {
    throw new E_EXECUTION_NOT_FOUND([missing])
  }
  const states = new Map<string, Outcome>()
  for (const [id, { record }] of found) {
    if (isEnded(record.state)) {
      states.set(id, record.state)
    }
  }
  return {
    inserts: plan.inserts.map((each) => ({ ...each, links: withEnds(each.links, states) })),
    joined: plan.joined.map((each) => ({ ...each, links: withEnds(each.links, states) })),
  }
}

/** Their ends are looked at for children: those of no others are. */
async function markParents(work: Work, { inserts, joined }: RunPlan): Promise<void> {
  const parents = [...inserts, ...joined]
    .flatMap(({ links }) => links)
    .map(({ parentId }) => parentId)
    .filter((id) => id !== null)
  for (const chunk of chunks([...new Set(parents)].sort())) {
    const list = inList(chunk)
    await work.run(
      `update almanac_executions set has_children = 1 where id in ${list.sql}`,
      list.bindings
    )
  }
}

/** What waits for the next execution of events that will have none waits for the others alone. */
export async function forgetComing(
  work: Work,
  parentIds: string[],
  childId: string | null,
  now: number
): Promise<void> {
  const list = inList(parentIds)
  const rows = await work.all(
    `select link.* from almanac_execution_parents link
      join almanac_executions child on child.id = link.child_id
      where link.parent_id is null and link.ended_as is null
        and link.parent_event_id in ${list.sql} and child.state = 'queued'
        ${childId === null ? '' : 'and child.event_id = ?'}`,
    [...list.bindings, ...(childId === null ? [] : [childId])]
  )
  const locked = await lockWaiting(
    work,
    rows.map((row) => toLink(row).childId)
  )
  const links = await linksOf(work, [...locked.keys()])
  const left = [...locked.values()].map((record) => ({
    record,
    links: (links.get(record.id) ?? []).filter(
      ({ parentId, parentEventId }) => parentId !== null || !parentIds.includes(parentEventId!)
    ),
  }))
  await replaceLinks(
    work,
    left.map((each) => ({ childId: each.record.id, links: each.links }))
  )
  const moved = await applyVerdicts(work, left, now)
  await endParents(work, endedAmong(moved), now)
}
