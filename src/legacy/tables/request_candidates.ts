import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout } from './layout.ts'
import type { RequestTypes } from '../request_types.ts'
import { ofTypes } from './request_types.ts'
import { BLOCKING_AGE } from './process_logs.ts'
import { chunked } from './values.ts'

export type RequestLayout = TableLayout<ColumnKey<'requests'>>

/** Who claims how many, and what is left alone. */
export interface Claim {
  /** At most 64 characters, never used before. */
  claimedBy: string
  limit: number
  /** The database's clock, epoch ms. */
  now: number
  /** MAPREFs that are running. */
  blocked?: readonly string[]
  /** Start of every CLAIMED_BY of this installation: such a row blocks its MAPREF whatever its age. */
  ownPrefix?: string
  /** Only these types. */
  types?: readonly string[]
  /** None of these types. Default: the control types. */
  exceptTypes?: readonly string[]
  /** What of the table this source takes at all. */
  taken?: RequestTypes
}

/** Rows read for the first, cheap look. */
const PAGE_FACTOR = 4
const SMALLEST_PAGE = 100

type Query = ReturnType<LegacySession['client']['from']>

/**
 * REQUEST_ID of the first row of each MAPREF that may run, oldest first.
 *
 * The first page of the queue answers that as long as it shows enough
 * MAPREFs, or is the whole queue. When one MAPREF's backlog fills the page,
 * the database picks the first row of each over the whole queue.
 */
export async function candidates(
  session: LegacySession,
  table: RequestLayout,
  claim: Claim,
  listLimit: number
): Promise<string[]> {
  if (claim.limit <= 0) {
    return []
  }
  const size = Math.max(SMALLEST_PAGE, claim.limit * PAGE_FACTOR)
  const page: Candidate[] = await session.run(() =>
    oldestFirst(open(session, table, claim, listLimit), table)
      .select(table.select(['requestId', 'mapref'], 'r'))
      .limit(size)
  )
  const firsts = firstPerMapref(page)
  if (firsts.length >= claim.limit || page.length < size) {
    return firsts.slice(0, claim.limit)
  }
  const rows: Candidate[] = await session.run(() => wholeQueue(session, table, claim, listLimit))
  return rows.map((row) => String(row.requestId))
}

interface Candidate {
  requestId: unknown
  mapref: unknown
}

function firstPerMapref(page: Candidate[]): string[] {
  const firsts = new Map<unknown, string>()
  for (const { requestId, mapref } of page) {
    if (!firsts.has(mapref)) {
      firsts.set(mapref, String(requestId))
    }
  }
  return [...firsts.values()]
}

function wholeQueue(
  session: LegacySession,
  table: RequestLayout,
  claim: Claim,
  listLimit: number
): Query {
  const { client } = session
  const place = client.raw('row_number() over (partition by ?? order by ??, ??) as ??', [
    table.qualified('mapref', 'r'),
    table.qualified('requestedAt', 'r'),
    table.qualified('requestId', 'r'),
    'place',
  ])
  const ranked = open(session, table, claim, listLimit)
    .select(table.stored(['requestId', 'requestedAt'], 'r'))
    .select(place)
    .as('q')
  return client
    .from(ranked)
    .select('q.requestId as requestId')
    .where('q.place', 1)
    .orderBy('q.requestedAt')
    .orderBy('q.requestId')
    .limit(claim.limit)
}

function oldestFirst(query: Query, table: RequestLayout): Query {
  return query
    .orderBy(table.qualified('requestedAt', 'r'))
    .orderBy(table.qualified('requestId', 'r'))
}

/** NEW rows whose MAPREF is free, as `r`. */
function open(
  session: LegacySession,
  table: RequestLayout,
  claim: Claim,
  listLimit: number
): Query {
  const type = table.qualified('type', 'r')
  const mapref = table.qualified('mapref', 'r')
  const blocked = chunked([...new Set(claim.blocked)], listLimit)
  const { types, exceptTypes = [], taken } = claim
  return session.client
    .from(`${table.name} as r`)
    .where(table.qualified('status', 'r'), 'NEW')
    .whereNotIn(mapref, claimedMaprefs(session, table, claim))
    .if(taken, (query) => ofTypes(query, session, type, taken!))
    .if(types, (query) => query.whereIn(type, [...(types ?? [])]))
    .if(exceptTypes.length > 0, (query) => query.whereNotIn(type, [...exceptTypes]))
    .if(blocked.length > 0, (query) => blocked.map((part) => query.whereNotIn(mapref, part)))
}

/**
 * MAPREFs that have a claimed row: one of ours, which the lease of its
 * execution judges; or another scheduler's, which counts for 24 hours. It does
 * not refer to the outer row, so that the database reads it once, by STATUS.
 */
function claimedMaprefs(session: LegacySession, table: RequestLayout, claim: Claim): Query {
  const { client } = session
  const prefix = claim.ownPrefix ?? ''
  const ours = client.raw('substr(??, 1, ?) = ?', [
    table.qualified('claimedBy', 'c'),
    prefix.length,
    prefix,
  ])
  return client
    .from(`${table.name} as c`)
    .select(table.qualified('mapref', 'c'))
    .where(table.qualified('status', 'c'), 'CLAIMED')
    .whereNotNull(table.qualified('mapref', 'c'))
    .where((either) =>
      either
        .where(
          table.qualified('claimedAt', 'c'),
          '>',
          table.instant('claimedAt', claim.now - BLOCKING_AGE)
        )
        .if(prefix !== '', (query) => query.orWhereRaw(ours))
    )
}
