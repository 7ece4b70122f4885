import type { ExecutionRecord, Outcome } from '../../types/executions.ts'
import type { ParentCondition, ParentLink } from '../../types/workflows.ts'
import type { NewExecution } from '../contract.ts'
import { isFailure } from './outcomes.ts'

/**
 * `available_at` of what waits for parents: beyond every instant, so that
 * claims and indexes need not know of it. What is added is the delay that
 * follows the last parent's end.
 */
export const WAITING = 8_000_000_000_000_000

/** What becomes of an execution that waits, by how its parents stand. */
export type WaitVerdict =
  { kind: 'wait'; waitingFor: number } | { kind: 'release' } | { kind: 'skip'; reason: string }

type Standing = Pick<ParentLink, 'parentId' | 'name' | 'on' | 'endedAs'>

/**
 * - a parent whose execution is still to come is waited for, whatever the
 *   others did: so the next ones pair up again
 * - the first parent that did not end as asked decides
 */
export function verdictOf(links: Standing[]): WaitVerdict {
  const waitingFor = links.filter(({ endedAs }) => endedAs === null).length
  const unmet = links.find(({ on, endedAs }) => endedAs !== null && !meets(on, endedAs))
  if (unmet && links.every(({ parentId, endedAs }) => parentId !== null || endedAs !== null)) {
    return { kind: 'skip', reason: skipReason(unmet.name, unmet.endedAs!) }
  }
  return waitingFor > 0 ? { kind: 'wait', waitingFor } : { kind: 'release' }
}

export function meets(on: ParentCondition, outcome: Outcome): boolean {
  switch (on) {
    case 'success':
      return outcome === 'succeeded'
    case 'failure':
      return isFailure(outcome)
    case 'any':
      return true
  }
}

function skipReason(parent: string, outcome: Outcome): string {
  return `parent "${parent}" ended as ${outcome}`
}

/** What a verdict changes in the row of an execution that waits; null where nothing. */
export function verdictPatch(
  { availableAt, waitingFor }: Pick<ExecutionRecord, 'availableAt' | 'waitingFor'>,
  verdict: WaitVerdict,
  now: number
): Partial<ExecutionRecord> | null {
  switch (verdict.kind) {
    case 'wait':
      return verdict.waitingFor === waitingFor ? null : { waitingFor: verdict.waitingFor }
    case 'release':
      // The state is written although it stays: what tells of new work looks at it
      return { state: 'queued', waitingFor: null, availableAt: now + (availableAt - WAITING) }
    case 'skip':
      return { state: 'skipped', waitingFor: null, finishedAt: now, reason: verdict.reason }
  }
}

/** The columns of an execution that is born with parents. */
export function waitingColumns(
  { parents = [], delay = 0 }: Pick<NewExecution, 'parents' | 'delay'>,
  now: number
): Partial<ExecutionRecord> {
  if (parents.length === 0) {
    return {}
  }
  const links = parents.map((parent) => ({ ...parent, endedAs: parent.endedAs ?? null }))
  const born = { availableAt: WAITING + delay, waitingFor: null }
  return { ...born, expiresAt: null, ...verdictPatch(born, verdictOf(links), now) }
}

/** An execution that waits, locked, with what it waits for. */
export interface Waiting {
  record: ExecutionRecord
  links: ParentLink[]
}

export interface RunPlan {
  inserts: { input: NewExecution; links: ParentLink[] }[]
  /** Executions that waited for a parent still to come, with their links as they are now. */
  joined: Waiting[]
}

/**
 * The children of one run. A child of which an execution is waiting already,
 * for a parent that was still to come, is not made again: the newest
 * execution of each parent is what that one waits for.
 *
 * @param children parents before their children
 */
export function planRun(children: NewExecution[], waiting: Waiting[]): RunPlan {
  const plan: RunPlan = { inserts: [], joined: [] }
  const standsFor = new Map<string, string>()
  const byEvent = new Map(waiting.map((each) => [each.record.eventId, each]))
  for (const child of children) {
    const existing = child.eventId === null ? undefined : byEvent.get(child.eventId)
    const id = existing?.record.id ?? child.id
    standsFor.set(child.id, id)
    const links = (child.parents ?? []).map(({ endedAs = null, ...parent }): ParentLink => {
      const parentId = parent.parentId && (standsFor.get(parent.parentId) ?? parent.parentId)
      const before = existing?.links.find((link) => link.parentEventId === parent.parentEventId)
      const stays = before && (parentId === null || parentId === before.parentId)
      return stays ? before : { ...parent, childId: id, parentId, endedAs }
    })
    if (existing) {
      plan.joined.push({ record: existing.record, links })
    } else {
      plan.inserts.push({ input: child, links })
    }
  }
  return plan
}

/** The same with how parents that are no part of the run have ended. */
export function withEnds(links: ParentLink[], states: Map<string, Outcome>): ParentLink[] {
  return links.map((link) =>
    link.endedAs === null && link.parentId !== null
      ? { ...link, endedAs: states.get(link.parentId) ?? null }
      : link
  )
}
