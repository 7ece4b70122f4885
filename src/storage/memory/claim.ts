import type { HandlerLimits } from '../../types/controls.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import { claimPlan, roomOf } from '../rules/claim_plan.ts'
import { limitsOf, UNLIMITED } from '../rules/controls.ts'
import { KeyPlaces, placesOf } from '../rules/places.ts'
import { spend } from '../rules/rate.ts'
import { isExpired } from '../rules/settlement.ts'
import { compare, type MemoryTables } from './tables.ts'

interface ClaimFilter {
  limit: number
  handlers: string[]
  queues?: string[]
  exceptQueues?: string[]
  node: string
}

/** An execution that a claim takes, and what it holds of its key. */
export interface Taken {
  execution: ExecutionRecord
  place: string | null
}

/** The executions that a claim takes now, in the order of the queue. */
export function claimable(
  tables: MemoryTables,
  { limit, handlers, queues, exceptQueues = [], node }: ClaimFilter,
  now: number
): Taken[] {
  const plan = claimPlan([...tables.controls.values()], { handlers, node })
  if (plan === null) {
    return []
  }
  const suiting = new Set([...plan.open, ...plan.limited])
  const candidates: ExecutionRecord[] = []
  for (const id of tables.open) {
    const execution = tables.executions.get(id)!
    const suits =
      execution.state === 'queued' &&
      execution.availableAt <= now &&
      !isExpired(execution, now) &&
      suiting.has(execution.handler) &&
      (queues === undefined || queues.includes(execution.queue)) &&
      !exceptQueues.includes(execution.queue) &&
      !plan.pausedQueues.includes(execution.queue)
    if (suits) {
      candidates.push(execution)
    }
  }
  candidates.sort(byTurn)
  const rooms = roomsOf(tables, plan.limited, node, now)
  return inPlaces(tables, candidates, { limit, rooms, keyed: plan.keyed })
}

/** How many more of each handler may run. */
export function roomsOf(
  tables: MemoryTables,
  handlers: string[],
  node: string,
  now: number
): Map<string, number> {
  const rooms = handlers.map((name): [string, number] => {
    const running = [...tables.open]
      .map((id) => tables.executions.get(id)!)
      .filter(({ state, handler }) => state === 'running' && handler === name)
    const here = running.filter((execution) => execution.node === node)
    const counts = { cluster: running.length, node: here.length }
    const parts = tables.rates.get(name) ?? []
    return [name, roomOf(limitsIn(tables, name), counts, parts, now)]
  })
  return new Map(rooms)
}

/** Counts claims against the rates of their handlers. */
export function spendRates(tables: MemoryTables, taken: ExecutionRecord[], now: number): void {
  for (const { handler } of taken) {
    const { rate } = limitsIn(tables, handler)
    if (rate !== null) {
      tables.rates.set(handler, spend(tables.rates.get(handler) ?? [], rate, now, 1))
    }
  }
}

export function limitsIn(tables: MemoryTables, handler: string): HandlerLimits {
  const control = tables.controls.get(`handler ${handler}`)
  return control ? limitsOf(control) : UNLIMITED
}

function byTurn(a: ExecutionRecord, b: ExecutionRecord): number {
  return a.priority - b.priority || a.availableAt - b.availableAt || compare(a.id, b.id)
}

function inPlaces(
  tables: MemoryTables,
  candidates: ExecutionRecord[],
  { limit, rooms, keyed }: { limit: number; rooms: Map<string, number>; keyed: Map<string, number> }
): Taken[] {
  const places = new KeyPlaces(tables.heldPlaces())
  const taken: Taken[] = []
  for (const execution of candidates) {
    const { handler, concurrencyKey: key } = execution
    const room = rooms.get(handler) ?? Infinity
    if (taken.length === limit || room === 0) {
      continue
    }
    const place = key === null ? null : places.take(key, placesOf(execution, keyed))
    if (key === null || place !== null) {
      taken.push({ execution, place })
      rooms.set(handler, room - 1)
    }
  }
  return taken
}
