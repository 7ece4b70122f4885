import { KeyPlaces, placesOf, type HeldPlace } from '../rules/places.ts'
import type { Candidate } from './claim.ts'
import { waitingCondition, waitingPriorities, type ClaimParams } from './waiting.ts'
import type { Statement } from './row_sets.ts'
import { inList, type Row, type Value, type Work } from './work.ts'

/** With more keys than this in the queue, or more bindings, one look at all rows costs less. */
const FEW_KEYS = 100
const MOST_BINDINGS = 30_000

/** A waiting row in its turn. */
export interface WaitingRow extends Candidate {
  handler: string
  eventId: string | null
  priority: number
  availableAt: number
}

/** Handlers that give each key so many places. */
interface KeyedHandlers {
  handlers: string[]
  places: number
}

const COLUMNS = 'id, handler, event_id, concurrency_hash, priority, available_at'

/** The places of keys that are held by what runs, whichever handler it is of. */
export async function heldPlaces(work: Work): Promise<HeldPlace[]> {
  const rows = await work.all(
    `select concurrency_hash, running_key from almanac_executions
      where state = 'running' and running_key is not null`
  )
  return rows.map((row) => ({
    key: String(row.concurrency_hash),
    runningKey: String(row.running_key),
  }))
}

/**
 * The waiting rows of handlers whose keys have several places, as far as a
 * place is free for them: those of the head of the queue, else the first ones
 * of each key, so that no backlog of one key hides another.
 */
export async function waitingOfKeys(
  work: Work,
  params: ClaimParams,
  keyed: Map<string, number>,
  held: HeldPlace[],
  now: number
): Promise<WaitingRow[]> {
  const rows: WaitingRow[] = []
  const handlers = params.handlers.filter((name) => keyed.has(name))
  for (const places of new Set(handlers.map((name) => keyed.get(name)!))) {
    const alike = { handlers: handlers.filter((name) => keyed.get(name) === places), places }
    rows.push(
      ...(await waitingAlike(work, { ...params, handlers: alike.handlers }, alike, held, now))
    )
  }
  return rows
}

async function waitingAlike(
  work: Work,
  params: ClaimParams,
  alike: KeyedHandlers,
  held: HeldPlace[],
  now: number
): Promise<WaitingRow[]> {
  const head = await headOfQueue(work, params, now)
  const free = inPlaces(head, new Map(alike.handlers.map((name) => [name, alike.places])), held)
  if (head.length < params.limit || free.length === params.limit) {
    return free
  }
  const places = new KeyPlaces(held)
  const keys = await waitingKeys(work)
  const each = waitingCondition(params, { sql: '?', bindings: [now] }).bindings.length + 2
  const few = keys.length <= FEW_KEYS && keys.length * each * 2 < MOST_BINDINGS
  const statement = few
    ? firstOfEach(params, keys, places, alike.places, now)
    : firstOfAll(params, alike.places, now)
  const rows = await work.all(statement.sql, statement.bindings)
  return rows.map(toWaiting)
}

/** Rows that have a place, in their order, with the place; those without a key need none. */
export function inPlaces(
  rows: WaitingRow[],
  keyed: Map<string, number>,
  held: HeldPlace[]
): WaitingRow[] {
  const places = new KeyPlaces(held)
  return rows.flatMap((row) => {
    if (row.key === null) {
      return [row]
    }
    const runningKey = places.take(row.key, placesOf(row, keyed))
    return runningKey === null ? [] : [{ ...row, runningKey }]
  })
}

async function headOfQueue(work: Work, params: ClaimParams, now: number): Promise<WaitingRow[]> {
  const waiting = waitingCondition(params, { sql: '?', bindings: [now] })
  const head: WaitingRow[] = []
  for await (const priority of waitingPriorities(work)) {
    const rows = await work.all(
      `select ${COLUMNS} from almanac_executions
        where priority = ? and available_at <= ? and ${waiting.sql}
        order by available_at, id limit ?`,
      [priority, now, ...waiting.bindings, params.limit - head.length]
    )
    head.push(...rows.map(toWaiting))
    if (head.length === params.limit) {
      break
    }
  }
  return head
}

/** The keys in the queue; null stands for the rows without one. */
async function waitingKeys(work: Work): Promise<(string | null)[]> {
  const rows = await work.all(`${work.dialect.waitingKeys} limit ${FEW_KEYS + 1}`)
  const keys = rows.map((row) => row.concurrency_hash as string | null)
  return [null, ...keys.filter((key) => key !== null)]
}

/** As many rows of each key as it has room for: each key is one range of the index. */
function firstOfEach(
  params: ClaimParams,
  keys: (string | null)[],
  places: KeyPlaces,
  perKey: number,
  now: number
): Statement {
  const waiting = waitingCondition(params, { sql: '?', bindings: [now] })
  const parts = keys.flatMap((key) => {
    if (key === null) {
      return [{ which: 'concurrency_hash is null', bindings: [], limit: params.limit }]
    }
    const which = 'concurrency_hash = ?'
    const room = Math.min(params.limit, places.room(key, perKey))
    return [
      { which: `${which} and event_id is null`, bindings: [key], limit: room },
      // Those of events take the first place alone
      {
        which: `${which} and event_id is not null`,
        bindings: [key],
        limit: places.isFirstFree(key) ? 1 : 0,
      },
    ]
  })
  const open = parts.filter(({ limit }) => limit > 0)
  return {
    sql: open
      .map(
        ({ which, limit }) => `select * from (select ${COLUMNS} from almanac_executions
          where ${which} and available_at <= ? and ${waiting.sql}
          order by priority, available_at, id limit ${limit}) first_rows`
      )
      .join(' union all '),
    bindings: open.flatMap(({ bindings }): Value[] => [...bindings, now, ...waiting.bindings]),
  }
}

/** The same by one look at all that waits. */
function firstOfAll(params: ClaimParams, perKey: number, now: number): Statement {
  const waiting = waitingCondition(params, { sql: '?', bindings: [now] })
  return {
    sql: `select ${COLUMNS} from (
        select ${COLUMNS}, case when event_id is null then 0 else 1 end as of_event, row_number() over (
          partition by coalesce(concurrency_hash, id), case when event_id is null then 0 else 1 end
          order by priority, available_at, id) as turn
        from almanac_executions where available_at <= ? and ${waiting.sql}) ranked
      left join (
        select running_key as held_key from almanac_executions
        where state = 'running' and running_key is not null) firsts
        on firsts.held_key = ranked.concurrency_hash
      left join (
        select concurrency_hash as counted_key, count(*) as total from almanac_executions
        where state = 'running' and running_key is not null group by concurrency_hash) counts
        on counts.counted_key = ranked.concurrency_hash
      where (of_event = 1 and turn = 1 and held_key is null)
        or (of_event = 0 and turn <= ? - coalesce(counts.total, 0))
      order by priority, available_at, id limit ?`,
    bindings: [now, ...waiting.bindings, perKey, params.limit],
  }
}

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

/** Rows by id, in the order of the queue. */
export async function waitingRows(work: Work, candidates: Candidate[]): Promise<WaitingRow[]> {
  if (candidates.length === 0) {
    return []
  }
  const list = inList(candidates.map(({ id }) => id))
  const rows = await work.all(
    `select ${COLUMNS} from almanac_executions where id in ${list.sql}`,
    list.bindings
  )
  return rows.map(toWaiting).sort(inTurn)
}

/** The order of the queue. */
export function inTurn(a: WaitingRow, b: WaitingRow): number {
  return a.priority - b.priority || a.availableAt - b.availableAt || (a.id < b.id ? -1 : 1)
}
