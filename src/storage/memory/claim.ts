import type { ExecutionRecord } from '../../types/executions.ts'
import { compare, type MemoryTables } from './tables.ts'

interface ClaimFilter {
  limit: number
  handlers: string[]
  queues?: string[]
}

/** The executions that a claim takes now, in the order of the queue. */
export function claimable(
  tables: MemoryTables,
  { limit, handlers, queues }: ClaimFilter,
  now: number
): ExecutionRecord[] {
  const candidates: ExecutionRecord[] = []
  for (const id of tables.open) {
    const execution = tables.executions.get(id)!
    const suits =
      execution.state === 'queued' &&
      execution.availableAt <= now &&
      handlers.includes(execution.handler) &&
      (queues === undefined || queues.includes(execution.queue))
    if (suits) {
      candidates.push(execution)
    }
  }
  candidates.sort(byTurn)
  return onePerKey(tables, candidates, limit)
}

function byTurn(a: ExecutionRecord, b: ExecutionRecord): number {
  return a.priority - b.priority || a.availableAt - b.availableAt || compare(a.id, b.id)
}

function onePerKey(
  tables: MemoryTables,
  candidates: ExecutionRecord[],
  limit: number
): ExecutionRecord[] {
  const keys = new Set<string>()
  const taken: ExecutionRecord[] = []
  for (const execution of candidates) {
    if (taken.length >= limit) {
      break
    }
    const key = execution.concurrencyKey
    if (key === null) {
      taken.push(execution)
    } else if (!keys.has(key) && !tables.running.has(key)) {
      keys.add(key)
      taken.push(execution)
    }
  }
  return taken
}
