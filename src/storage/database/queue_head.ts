import {
  NOT_HELD,
  PRIORITIES,
  waitingCondition,
  waitingPriorities,
  type ClaimParams,
} from './waiting.ts'
import type { Row, Value, Work } from './work.ts'

/** A row that may be claimed. */
export interface Candidate {
  id: string
  key: string | null
  /** What it comes to hold of its key. Default: the key itself, its first place. */
  runningKey?: string
}

/** A waiting row in its turn. */
export interface WaitingRow extends Candidate {
  handler: string
  eventId: string | null
  priority: number
  availableAt: number
}

export const WAITING_COLUMNS = 'id, handler, event_id, concurrency_hash, priority, available_at'

export function toWaiting(row: Row): WaitingRow {
  return {
    id: String(row.id),
    handler: String(row.handler),
    eventId: row.event_id as string | null,
    key: row.concurrency_hash as string | null,
    priority: Number(row.priority),
    availableAt: Number(row.available_at),
  }
}

/** The order of the queue. */
export function inTurn(a: WaitingRow, b: WaitingRow): number {
  return a.priority - b.priority || a.availableAt - b.availableAt || (a.id < b.id ? -1 : 1)
}

interface Head {
  size: number
  /** Leaves out the rows of held keys. */
  free?: boolean
  /** Locks the rows, past those that others have locked. */
  lock?: boolean
}

/** Rows at the head of the queue, in order, priority by priority. */
export async function queueHead(
  work: Work,
  params: ClaimParams,
  now: number,
  { size, free = false, lock = false }: Head
): Promise<WaitingRow[]> {
  const { dialect } = work
  const waiting = waitingCondition(params, { sql: '?', bindings: [now] })
  const ofPriority = (priority: string) => `select ${WAITING_COLUMNS} from almanac_executions
    where priority = ${priority} and available_at <= ? and ${waiting.sql} ${free ? `and ${NOT_HELD}` : ''}
    order by available_at, id limit ? ${lock ? dialect.lockFreeRows : ''}`
  const bindings = (rows: number): Value[] => [now, ...waiting.bindings, rows]
  if (dialect.name === 'postgres') {
    const rows = await work.all(
      `with recursive ${PRIORITIES} select found.* from priorities
        cross join lateral (${ofPriority('priorities.priority')}) found limit ?`,
      [...bindings(size), size]
    )
    return rows.map(toWaiting).sort(inTurn)
  }
  const head: WaitingRow[] = []
  for await (const priority of waitingPriorities(work)) {
    const rows = await work.all(ofPriority('?'), [priority, ...bindings(size - head.length)])
    head.push(...rows.map(toWaiting))
    if (head.length === size) {
      break
    }
  }
  return head
}
