import { KeyPlaces, placesOf, type HeldPlace } from '../rules/places.ts'
import { queueHead, toWaiting, WAITING_COLUMNS, type WaitingRow } from './queue_head.ts'
import { waitingCondition, type ClaimParams } from './waiting.ts'
import type { Statement } from './row_sets.ts'
import type { Value, Work } from './work.ts'

/** With more keys than this in the queue, or more bindings, one look at all rows costs less. */
const FEW_KEYS = 100
const MOST_BINDINGS = 30_000
/** With more free keys than this, the head of the queue is looked at first: mostly it will do. */
const QUICK_KEYS = 8

/** Handlers that give each key so many places. */
interface KeyedHandlers {
  handlers: string[]
  places: number
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
  held: readonly HeldPlace[],
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
  held: readonly HeldPlace[],
  now: number
): Promise<WaitingRow[]> {
  const places = new KeyPlaces(held)
  const keys = await waitingKeys(work)
  const open =
    keys.length > FEW_KEYS ? keys : keys.filter((key) => isOpen(key, places, alike.places))
  if (open.length > QUICK_KEYS) {
    const head = await queueHead(work, params, now, { size: params.limit })
    const free = inPlaces(head, new Map(alike.handlers.map((name) => [name, alike.places])), held)
    if (head.length < params.limit || free.length === params.limit) {
      return free
    }
  }
  const each = waitingCondition(params, { sql: '?', bindings: [now] }).bindings.length + 2
  const few = keys.length <= FEW_KEYS && keys.length * each * 2 < MOST_BINDINGS
  const statement = few
    ? firstOfEach(params, open, places, alike.places, now)
    : firstOfAll(params, alike.places, now)
  const rows = await work.all(statement.sql, statement.bindings)
  return rows.map(toWaiting)
}

/** Whether a key has a place for any execution; those without a key need none. */
function isOpen(key: string | null, places: KeyPlaces, perKey: number): boolean {
  return key === null || places.room(key, perKey) > 0 || places.isFirstFree(key)
}

/** Rows that have a place, in their order, with the place; those without a key need none. */
export function inPlaces(
  rows: WaitingRow[],
  keyed: Map<string, number>,
  held: readonly HeldPlace[]
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
        ({ which, limit }) => `select * from (select ${WAITING_COLUMNS} from almanac_executions
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
    sql: `select ${WAITING_COLUMNS} from (
        select ${WAITING_COLUMNS}, case when event_id is null then 0 else 1 end as of_event, row_number() over (
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
