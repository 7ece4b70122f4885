import type { ExecutionRecord } from '../../types/executions.ts'
import { claimPlan, fitting, type ClaimPlan } from '../rules/claim_plan.ts'
import { claim, claimable, claimRows, lockQueued } from './claim.ts'
import type { StoreConnection } from './connection.ts'
import { controlRows } from './control_rows.ts'
import {
  heldPlaces,
  inPlaces,
  inTurn,
  waitingOfKeys,
  waitingRows,
  type WaitingRow,
} from './keyed_claim.ts'
import type { ControlsView, KnownControls } from './known_controls.ts'
import { LockedLimits, roomsOf } from './limited_handlers.ts'
import { waitingCondition, waitingPriorities, type ClaimParams } from './waiting.ts'
import { instant, type Work } from './work.ts'

/** How often a claim is planned anew when the controls change under it. */
const ATTEMPTS = 5

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
    const claimed = await claimUnder(connection, view, params)
    if (claimed.length > 0 || attempt === ATTEMPTS) {
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
  { version, controls }: ControlsView,
  params: ClaimParams
): Promise<ExecutionRecord[]> {
  const plan = claimPlan(controls, params)
  if (plan === null) {
    return []
  }
  const { open, limited, pausedQueues } = plan
  const under = { ...params, pausedQueues, controls: version }
  if (limited.length === 0) {
    return open.length === 0 ? [] : claim(connection, { ...under, handlers: open })
  }
  return claimBeside(connection, plan, under)
}

/**
 * Where some handlers are limited: what stands at the head of the queue says
 * whether one of them has its turn. If not, the others go the short way.
 */
async function claimBeside(
  connection: StoreConnection,
  plan: ClaimPlan,
  params: ClaimParams
): Promise<ExecutionRecord[]> {
  const { open, keyed } = plan
  const look = await connection.read('executions.claim', (work) => lookAhead(work, params, plan))
  if (look.roomy.some((name) => look.handlers.has(name))) {
    const all = { ...params, handlers: [...open, ...look.roomy] }
    return claimLimited(connection, all, look.roomy, keyed)
  }
  const claimed = open.length === 0 ? [] : await claim(connection, { ...params, handlers: open })
  const limit = params.limit - claimed.length
  // Rows that cannot be claimed may fill the head, and hide limited ones behind them
  if (limit === 0 || look.rows < params.limit || look.roomy.length === 0) {
    return claimed
  }
  const behind = { ...params, handlers: look.roomy, limit }
  return [...claimed, ...(await claimLimited(connection, behind, look.roomy, keyed))]
}

interface Look {
  /** Limited handlers that have room, as far as one can tell without a lock. */
  roomy: string[]
  /** The handlers at the head of the queue. */
  handlers: Set<string>
  rows: number
}

async function lookAhead(
  work: Work,
  params: ClaimParams,
  { open, limited, keyed }: ClaimPlan
): Promise<Look> {
  const now = await instant(work, params.now)
  const rows = await controlRows(work)
  const wanted = rows.filter(
    ({ control }) => control.scope === 'handler' && limited.includes(control.name)
  )
  const rooms = await roomsOf(work, wanted, params.node, now)
  const roomy = limited.filter((name) => (rooms.get(name) ?? 1) > 0)
  const plain = roomy.filter((name) => !keyed.has(name))
  const placed = await handlersWithPlaces(work, { ...params, handlers: roomy }, keyed, now)
  if (plain.length === 0) {
    return { roomy: placed, handlers: new Set(placed), rows: 0 }
  }
  const head = await headHandlers(work, { ...params, handlers: [...open, ...plain] }, now)
  return {
    roomy: [...plain, ...placed],
    handlers: new Set([...head, ...placed]),
    rows: head.length,
  }
}

/** Of the handlers whose keys have several places, those with something to claim. */
async function handlersWithPlaces(
  work: Work,
  params: ClaimParams,
  keyed: Map<string, number>,
  now: number
): Promise<string[]> {
  if (!params.handlers.some((name) => keyed.has(name))) {
    return []
  }
  const rows = await waitingOfKeys(work, params, keyed, await heldPlaces(work), now)
  return [...new Set(rows.map(({ handler }) => handler))]
}

/** The handlers of the rows at the head of the queue, nothing locked. */
async function headHandlers(work: Work, params: ClaimParams, now: number): Promise<string[]> {
  const waiting = waitingCondition(params, { sql: '?', bindings: [now] })
  const handlers: string[] = []
  for await (const priority of waitingPriorities(work)) {
    const rows = await work.all(
      `select handler from almanac_executions
        where priority = ? and available_at <= ? and ${waiting.sql}
        order by available_at, id limit ?`,
      [priority, now, ...waiting.bindings, params.limit - handlers.length]
    )
    handlers.push(...rows.map(({ handler }) => String(handler)))
    if (handlers.length === params.limit) {
      break
    }
  }
  return handlers
}

/**
 * One transaction that holds the rows of the limited handlers. On PostgreSQL a
 * key that somebody takes meanwhile ends it: then it is begun again, and at
 * last for one row at a time.
 */
async function claimLimited(
  connection: StoreConnection,
  params: ClaimParams,
  limited: string[],
  keyed: Map<string, number>
): Promise<ExecutionRecord[]> {
  for (const limit of [params.limit, 1, 1]) {
    try {
      return await connection.write('executions.claim', (work) =>
        claimWithin(work, { ...params, limit }, limited, keyed)
      )
    } catch (error) {
      if (!connection.dialect.isUniqueViolation(error)) {
        throw error
      }
    }
  }
  return []
}

interface Rooms {
  /** How many more of a handler may run. */
  rooms: Map<string, number>
  /** How many of each of its keys may. */
  keyed: Map<string, number>
}

async function claimWithin(
  work: Work,
  params: ClaimParams,
  limited: string[],
  keyed: Map<string, number>
): Promise<ExecutionRecord[]> {
  const limits = await LockedLimits.lock(work, { ...params, handlers: limited })
  const { now } = limits
  const claimed: ExecutionRecord[] = []
  let handlers = params.handlers
  while (claimed.length < params.limit) {
    const rooms = limits.rooms
    handlers = handlers.filter((name) => (rooms.get(name) ?? 1) > 0)
    if (handlers.length === 0) {
      break
    }
    const round = { ...params, handlers, limit: params.limit - claimed.length }
    const { found, taken } = await claimFitting(work, round, { rooms, keyed }, now)
    taken.forEach(({ handler }) => limits.take(handler))
    claimed.push(...taken)
    // All that was found fitted, so that nothing hides behind what did not
    if (found === 0 || taken.length === found) {
      break
    }
  }
  await limits.write()
  return claimed
}

/** One look at the queue, and what of it there is room for. */
async function claimFitting(
  work: Work,
  params: ClaimParams,
  { rooms, keyed }: Rooms,
  now: number
): Promise<{ found: number; taken: ExecutionRecord[] }> {
  const found = await candidates(work, params, keyed, now)
  const fit = fitting(found, ({ handler }) => handler, rooms)
  const taken = await claimRows(work, await lockQueued(work, fit), params, now)
  return { found: taken.length < fit.length ? 0 : found.length, taken }
}

/** What may be claimed, in order; handlers whose keys have several places are looked at apart. */
async function candidates(
  work: Work,
  params: ClaimParams,
  keyed: Map<string, number>,
  now: number
): Promise<WaitingRow[]> {
  const handlers = params.handlers.filter((name) => !keyed.has(name))
  const single = handlers.length === 0 ? [] : await claimable(work, { ...params, handlers }, now)
  const rows = await waitingRows(work, single)
  if (handlers.length === params.handlers.length) {
    return rows
  }
  const held = await heldPlaces(work)
  const several = await waitingOfKeys(work, params, keyed, held, now)
  return inPlaces([...rows, ...several].sort(inTurn), keyed, held).slice(0, params.limit)
}
