import type { HandlerLimits } from '../../types/controls.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import { claimPlan, fitting, roomOf } from '../rules/claim_plan.ts'
import { limitsOf } from '../rules/controls.ts'
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

/** The executions that a claim takes now, in the order of the queue. */
export function claimable(
  tables: MemoryTables,
  filter: ClaimFilter,
  now: number
): ExecutionRecord[] {
  const { limit, queues, node } = filter
  const plan = claimPlan([...tables.controls.values()], filter)
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
      !plan.pausedQueues.includes(execution.queue)
    if (suits) {
      candidates.push(execution)
    }
  }
  candidates.sort(byTurn)
  const rooms = roomsOf(tables, plan.limited, node, now)
  const free = candidates.filter(({ concurrencyKey }) => !isHeld(tables, concurrencyKey))
  return onePerKey(free, rooms, limit)
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
  return control ? limitsOf(control) : { cluster: null, node: null, rate: null }
}

function byTurn(a: ExecutionRecord, b: ExecutionRecord): number {
  return a.priority - b.priority || a.availableAt - b.availableAt || compare(a.id, b.id)
}

function isHeld(tables: MemoryTables, key: string | null): boolean {
  return key !== null && tables.running.has(key)
}

function onePerKey(
  candidates: ExecutionRecord[],
  rooms: Map<string, number>,
  limit: number
): ExecutionRecord[] {
  const keys = new Set<string>()
  const taken: ExecutionRecord[] = []
  for (const execution of candidates) {
    const key = execution.concurrencyKey
    if (taken.length < limit && (key === null || !keys.has(key))) {
      const fits = fitting([execution], ({ handler }) => handler, rooms)
      taken.push(...fits)
      if (key !== null && fits.length > 0) {
        keys.add(key)
      }
    }
  }
  return taken
}
