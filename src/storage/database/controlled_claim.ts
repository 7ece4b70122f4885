import type { ExecutionRecord } from '../../types/executions.ts'
import type { ControlRecord } from '../../types/controls.ts'
import { claimPlan, type ClaimPlan } from '../rules/claim_plan.ts'
import { claim } from './claim.ts'
import type { StoreConnection } from './connection.ts'
import type { ControlsView, KnownControls } from './known_controls.ts'
import { claimLimited, lookAhead } from './limited_claim.ts'
import type { ClaimParams } from './waiting.ts'

/** How often a claim is planned anew when the controls change under it. */
const ATTEMPTS = 5

interface Claimed {
  claimed: ExecutionRecord[]
  /** The version of the controls, where it was seen on the way. */
  seen?: number
}

/**
 * Claims what the controls let through. Handlers without a limit go the short
 * way, whose statement looks once whether the controls are those it was
 * planned with. Only when it took nothing is it asked whether they have changed.
 */
export async function controlledClaim(
  connection: StoreConnection,
  known: KnownControls,
  params: ClaimParams
): Promise<ExecutionRecord[]> {
  const read = () => connection.read('executions.claim', (work) => known.current(work))
  let view = known.view ?? (await read())
  for (let attempt = 1; ; attempt++) {
    const { claimed, seen } = await claimUnder(connection, view, params)
    if (claimed.length > 0 || attempt === ATTEMPTS || seen === view.version) {
      return claimed
    }
    const current = await read()
    if (current === view) {
      return claimed
    }
    view = current
  }
}

async function claimUnder(
  connection: StoreConnection,
  view: ControlsView,
  params: ClaimParams
): Promise<Claimed> {
  const plan = claimPlan(view.controls, params)
  if (plan === null) {
    return { claimed: [] }
  }
  const { open, limited, pausedQueues } = plan
  const under = { ...params, pausedQueues, controls: view.version }
  if (limited.length > 0) {
    return claimBeside(connection, plan, under, view.controls)
  }
  return { claimed: open.length === 0 ? [] : await claim(connection, { ...under, handlers: open }) }
}

/**
 * Where some handlers are limited: what may be claimed next says whether one
 * of them has its turn. If not, the others go the short way.
 */
async function claimBeside(
  connection: StoreConnection,
  plan: ClaimPlan,
  params: ClaimParams,
  controls: ControlRecord[]
): Promise<Claimed> {
  const { open, keyed } = plan
  const look = await connection.read('executions.claim', (work) =>
    lookAhead(work, params, plan, controls)
  )
  if (look.rows.length === 0) {
    return { claimed: [], seen: look.version }
  }
  const claimed: ExecutionRecord[] = []
  if (look.rows.some(({ handler }) => look.roomy.includes(handler))) {
    const all = { ...params, handlers: [...open, ...look.roomy] }
    claimed.push(...(await claimLimited(connection, all, look, keyed)))
  }
  // They stand before the limited ones, or hide behind those that found no room
  const limit = params.limit - claimed.length
  const isLeft = claimed.length === 0 || look.rows.length >= params.limit
  if (open.length > 0 && limit > 0 && isLeft) {
    claimed.push(...(await claim(connection, { ...params, handlers: open, limit })))
  }
  return { claimed }
}
