import type { RequestTypes } from '../request_types.ts'
import { arrayText } from '../../storage/sql_session.ts'
import type { Claim, RequestLayout } from './request_candidates.ts'
import { BLOCKING_AGE } from './process_logs.ts'
import type { ColumnValue } from './layout.ts'
import type { Quote, Statement } from './row_sets.ts'

/** One look at the head of the queue that claims what it finds. */
export interface ClaimLook {
  table: RequestLayout
  claim: Claim
  types: RequestTypes
  /** What to read of the claimed rows, in the words of the database. */
  columns: string
  /** How many rows it looks at, and how many of them it claims at most. */
  size: number
  limit: number
}

/** In a transaction, before the looks. */
export interface ClaimStatements {
  /** Whether values can be given by this declared type. */
  takes(declared: string): boolean
  /** What a claim sets for its transaction. */
  readonly prepare: string
  /** A row for each claimed request, by age, with `looked`; one with nothing else where there is none. */
  look(look: ClaimLook): Statement
}

/**
 * The queue is walked along its index, and its rows are found along their keys,
 * whatever the statistics say: they are as old as the last analyze, which may
 * have met an empty queue. What is switched off has so high a price that the
 * statement would be compiled for it. A process that freezes does not keep the rows.
 */
const PREPARE = `select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
  set_config('enable_sort', 'off', true), set_config('jit', 'off', true),
  set_config('idle_in_transaction_session_timeout', '10s', true)`

/** In the words of PostgreSQL. */
export function claimStatements(quote: Quote, takes: ClaimStatements['takes']): ClaimStatements {
  return { takes, prepare: PREPARE, look: (look) => lookOf(quote, look) }
}

function lookOf(quote: Quote, { table, claim, types, columns, size, limit }: ClaimLook): Statement {
  const at = (alias: string, key: Parameters<RequestLayout['column']>[0]) =>
    `${alias}.${quote(table.column(key))}`
  const name = quote(table.name)
  const busy = busyOf(at('c', 'claimedAt'), at('c', 'claimedBy'), table, claim)
  const open = openOf(at('r', 'type'), at('r', 'mapref'), table, { claim, types })
  const [status, claimedAt, claimedBy] = (['status', 'claimedAt', 'claimedBy'] as const).map(
    (key) => quote(table.column(key))
  )
  const sql = `with busy as materialized (
      select ${at('c', 'mapref')} as mapref from ${name} c
      where ${at('c', 'status')} = 'CLAIMED' and ${at('c', 'mapref')} is not null and ${busy.sql}),
    head as materialized (
      select ${at('r', 'requestId')} as id, ${at('r', 'mapref')} as mapref, ${at('r', 'requestedAt')} as at
      from ${name} r
      where ${at('r', 'status')} = 'NEW' and ${at('r', 'mapref')} not in (select mapref from busy)${open.sql}
      order by ${at('r', 'requestedAt')}, ${at('r', 'requestId')} limit ?),
    firsts as materialized (
      select id, row_number() over (order by at, id) as place from (
        select id, at, row_number() over (partition by mapref order by at, id) as turn from head) ranked
      where turn = 1 order by at, id limit ?),
    held as materialized (
      select ${at('asked', 'requestId')} as id from ${name} asked
      where ${at('asked', 'requestId')} = any(array(select id from firsts))
        and coalesce(${at('asked', 'status')}, '') = 'NEW' for update skip locked),
    claimed as (
      update ${name} kept set ${status} = 'CLAIMED', ${claimedAt} = ?, ${claimedBy} = ?
      where ${at('kept', 'requestId')} = any(array(select id from held))
      returning ${at('kept', 'requestId')} as id, ${columns})
    select looked.amount as looked, claimed.* from (select count(*) as amount from head) looked
      left join (claimed join firsts on firsts.id = claimed.id) on true order by firsts.place`
  const row = table.row({ claimedAt: claim.now, claimedBy: claim.claimedBy })
  return {
    sql,
    bindings: [
      ...busy.bindings,
      ...open.bindings,
      size,
      limit,
      row[table.column('claimedAt')],
      row[table.column('claimedBy')],
    ],
  }
}

/** One of ours, which the lease of its execution judges; or another scheduler's, for 24 hours. */
function busyOf(
  claimedAt: string,
  claimedBy: string,
  table: RequestLayout,
  { now, ownPrefix: prefix = '' }: Claim
): Statement {
  const since = table.instant('claimedAt', now - BLOCKING_AGE)
  return prefix === ''
    ? { sql: `${claimedAt} > ?`, bindings: [since] }
    : {
        sql: `(${claimedAt} > ? or substr(${claimedBy}, 1, ?) = ?)`,
        bindings: [since, prefix.length, prefix],
      }
}

/** What a NEW row must be besides. */
function openOf(
  type: string,
  mapref: string,
  table: RequestLayout,
  { claim, types }: { claim: Claim; types: RequestTypes }
): Statement {
  const bindings: ColumnValue[] = []
  const list = (values: readonly string[], declared: string) => {
    bindings.push(arrayText([...values]))
    return `(cast(? as ${declared}[]))`
  }
  const { exceptTypes = [], types: onlyTypes, blocked = [] } = claim
  const { ignored, only } = types
  const plain = `upper(trim(${type}))`
  const maprefType = table.declared.get(table.column('mapref'))!
  const conditions = [
    ignored.length > 0 && `${plain} <> all ${list(ignored, 'text')}`,
    only !== null && `${plain} = any ${list(only, 'text')}`,
    onlyTypes !== undefined && `${type} = any ${list(onlyTypes, 'text')}`,
    exceptTypes.length > 0 && `${type} <> all ${list(exceptTypes, 'text')}`,
    blocked.length > 0 && `${mapref} <> all ${list([...new Set(blocked)], maprefType)}`,
  ].filter((condition) => condition !== false)
  return { sql: conditions.map((condition) => ` and ${condition}`).join(''), bindings }
}
