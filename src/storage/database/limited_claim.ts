import type { ControlRecord } from '../../types/controls.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import { fitting, type ClaimPlan } from '../rules/claim_plan.ts'
import type { HeldPlace } from '../rules/places.ts'
import { claimable, takeQueued } from './claim.ts'
import type { StoreConnection } from './connection.ts'
import { inPlaces, waitingOfKeys } from './keyed_claim.ts'
import { LockedLimits, roomsOf } from './limited_handlers.ts'
import { inTurn, type WaitingRow } from './queue_head.ts'
import { runningRows } from './running_rows.ts'
import type { ClaimParams } from './waiting.ts'
import type { Work } from './work.ts'

/** What is to be seen without a lock; most looks under limits find no room, and end there. */
export interface Look {
  /** Limited handlers that have room, and of those with places in each key, whose rows have one. */
  roomy: string[]
  /** What may be claimed, in order: of those, and of handlers without a limit. */
  rows: WaitingRow[]
  /** Of the controls. */
  version: number
}

/** @param view the controls that the claim is planned with */
export async function lookAhead(
  work: Work,
  params: ClaimParams,
  { open, limited, keyed }: ClaimPlan,
  view: ControlRecord[]
): Promise<Look> {
  const running = await runningRows(work, { ...params, handlers: limited })
  const { held, now, version } = running
  const ofThem = view.filter(({ scope, name }) => scope === 'handler' && limited.includes(name))
  const rooms = roomsOf(ofThem, running)
  const withRoom = limited.filter((name) => (rooms.get(name) ?? 1) > 0)
  const handlers = [...open, ...withRoom]
  if (handlers.length === 0) {
    return { roomy: [], rows: [], version }
  }
  const seen = { keyed, held, now, lock: false }
  const { rows, placed } = await candidates(work, { ...params, handlers }, seen)
  const roomy = withRoom.filter((name) => !keyed.has(name) || placed.has(name))
  return { roomy, rows, version }
}

/**
 * One transaction that holds the rows of the limited handlers. On PostgreSQL a
 * key that somebody takes meanwhile ends it: then it is begun again, and at
 * last for one row at a time.
 */
export async function claimLimited(
  connection: StoreConnection,
  params: ClaimParams,
  look: Look,
  keyed: Map<string, number>
): Promise<ExecutionRecord[]> {
  for (const limit of [params.limit, 1, 1]) {
    try {
      return await connection.write('executions.claim', (work) =>
        claimWithin(work, { ...params, limit }, look, keyed)
      )
    } catch (error) {
      if (!connection.dialect.isUniqueViolation(error)) {
        throw error
      }
    }
  }
  return []
}

/**
 * First what the look has found, as far as it still may be claimed; then, while
 * a limited handler has room, what stood behind it.
 */
async function claimWithin(
  work: Work,
  params: ClaimParams,
  { roomy, rows }: Look,
  keyed: Map<string, number>
): Promise<ExecutionRecord[]> {
  const limits = await LockedLimits.lock(work, { ...params, handlers: roomy })
  const { now } = limits
  const held = [...limits.held]
  const claimed: ExecutionRecord[] = []
  const take = async (found: WaitingRow[]) => {
    const limit = params.limit - claimed.length
    const fit = fitting(found, ({ handler }) => handler, limits.rooms).slice(0, limit)
    const taken = await takeQueued(work, fit, params, now)
    taken.forEach(({ handler }) => limits.take(handler))
    held.push(...placesTaken(fit, taken))
    claimed.push(...taken)
    return taken.length
  }
  await take(inPlaces(rows, keyed, held))
  // Behind a list that was not full there is nothing
  let hides = rows.length >= params.limit
  while (hides && claimed.length < params.limit) {
    const handlers = params.handlers.filter((name) => (limits.rooms.get(name) ?? 1) > 0)
    if (!handlers.some((name) => limits.rooms.has(name))) {
      break
    }
    const round = { ...params, handlers, limit: params.limit - claimed.length }
    const { rows: found } = await candidates(work, round, { keyed, held, now, lock: true })
    hides = (await take(found)) > 0 && found.length >= round.limit
  }
  await limits.write()
  return claimed
}

function placesTaken(fit: WaitingRow[], taken: ExecutionRecord[]): HeldPlace[] {
  const ids = new Set(taken.map(({ id }) => id))
  return fit.flatMap(({ id, key, runningKey }) =>
    key !== null && ids.has(id) ? [{ key, runningKey: runningKey ?? key }] : []
  )
}

interface Seen {
  keyed: Map<string, number>
  held: readonly HeldPlace[]
  now: number
  lock: boolean
}

/**
 * What may be claimed, in order, and which handlers of those whose keys have
 * several places have something to claim: these are looked at apart.
 */
async function candidates(
  work: Work,
  params: ClaimParams,
  { keyed, held, now, lock }: Seen
): Promise<{ rows: WaitingRow[]; placed: Set<string> }> {
  const handlers = params.handlers.filter((name) => !keyed.has(name))
  const single =
    handlers.length === 0 ? [] : await claimable(work, { ...params, handlers }, now, { lock })
  const several = await waitingOfKeys(work, params, keyed, held, now)
  const placed = new Set(several.map(({ handler }) => handler))
  if (placed.size === 0) {
    return { rows: single, placed }
  }
  const all = inPlaces([...single, ...several].sort(inTurn), keyed, held)
  return { rows: all.slice(0, params.limit), placed }
}
