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

/** Rows of the first look, at least; each further one reads so many times more. */
export const SMALLEST_PAGE = 100
export const GROWTH = 4
/** Looks of one claim: what they do not find, the next claim does. */
export const LOOKS = 4

type Query = ReturnType<LegacySession['client']['from']>

/**
 * REQUEST_ID of the first row of each MAPREF that may run, oldest first.
 *
 * Mostly the head of the queue shows enough MAPREFs. Where a few of them fill
 * it, a further look passes them over: the database leaves them out by what it
 * reads along the index, and nobody sorts the whole backlog.
 */
export async function candidates(
  session: LegacySession,
  table: RequestLayout,
  claim: Claim,
  listLimit: number
): Promise<string[]> {
  const firsts = new Map<string, string>()
  let size = Math.max(SMALLEST_PAGE, claim.limit)
  for (let look = 0; look < LOOKS && firsts.size < claim.limit; look++) {
    const blocked = [...(claim.blocked ?? []), ...firsts.keys()]
    const page = await pageOf(session, table, { ...claim, blocked }, { size, listLimit })
    for (const { requestId, mapref } of page) {
      if (!firsts.has(mapref)) {
        firsts.set(mapref, requestId)
      }
    }
    if (page.length < size) {
      break
    }
    size *= GROWTH
  }
  return [...firsts.values()].slice(0, claim.limit)
}

async function pageOf(
  session: LegacySession,
  table: RequestLayout,
  claim: Claim,
  { size, listLimit }: { size: number; listLimit: number }
): Promise<{ requestId: string; mapref: string }[]> {
  const rows: Record<string, unknown>[] = await session.run(() =>
    open(session, table, claim, listLimit)
      .select(table.select(['requestId', 'mapref'], 'r'))
      .orderBy(table.qualified('requestedAt', 'r'))
      .orderBy(table.qualified('requestId', 'r'))
      .limit(size)
  )
  return rows.map((row) => ({ requestId: String(row.requestId), mapref: String(row.mapref) }))
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
