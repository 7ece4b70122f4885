import type { Database } from 'better-sqlite3'
import { AMOUNTS } from './generator.ts'
import { REQUESTS } from './requests.ts'

type Row = Record<string, any>

/**
 * Reads the tables of the old scheduler as a stranger would and returns every
 * difference from what has to be there. Empty means that each request and
 * each slot ran exactly once and every log row is right.
 */
export function verify(database: Database, slots: ExpectedSlot[]): string[] {
  const tables = {
    requests: database.prepare('select * from DWPRCREQ order by REQUEST_ID').all() as Row[],
    runs: database.prepare('select * from DWPRCLOG order by PRCID').all() as Row[],
    counts: database.prepare('select * from DWJOBLOG').all() as Row[],
    errors: database.prepare('select * from DWJOBERR').all() as Row[],
    ledger: database.prepare('select * from run_ledger').all() as Row[],
    schedules: database.prepare(`select * from DWJOBSCH where CURFLG = 'Y'`).all() as Row[],
  }
  return [
    ...verifyRequests(tables.requests),
    ...verifySlots(tables.requests, slots),
    ...verifyRuns(tables),
    ...verifyTargets(database),
  ]
}

/** A slot of a schedule that was due while the demo ran. */
export interface ExpectedSlot {
  mapref: string
  jobschid: number
  /** Epoch ms. */
  at: number
}

/** Schedules whose slot is the first one, by JOBSCHID. */
const AT_FIRST_SLOT: [number, string][] = [
  [501, 'DIM_CUSTOMER'],
  [502, 'DIM_PRODUCT'],
  [503, 'DIM_STORE'],
  [504, 'FACT_SALES'],
  [505, 'FACT_RETURNS'],
  [506, 'DIM_DATE'],
  [509, 'EXPORT_SALES'],
]

/** The slots from the first one up to the end of the demo: AGG_STORES has one each minute. */
export function expectedSlots(first: number, end: number): ExpectedSlot[] {
  const slots = AT_FIRST_SLOT.map(([jobschid, mapref]) => ({ jobschid, mapref, at: first }))
  for (let at = first; at <= end; at += 60_000) {
    slots.push({ jobschid: 507, mapref: 'AGG_STORES', at })
  }
  return slots
}

/** REQUEST_ID of the row that guards a slot. */
export function slotRequestId({ jobschid, at }: ExpectedSlot): string {
  const minute = new Date(at).toISOString().slice(0, 16).replace(/\D/g, '')
  return `S:${jobschid}:${minute}`
}

function verifyRequests(rows: Row[]): string[] {
  const problems: string[] = []
  const byId = new Map(rows.map((row) => [row.REQUEST_ID, row]))
  for (const planned of REQUESTS) {
    const row = byId.get(planned.id)
    if (row?.STATUS !== planned.status) {
      problems.push(`DWPRCREQ ${planned.id}: ${row?.STATUS} instead of ${planned.status}`)
    } else if (planned.reason && !planned.reason.test(row.RESULT_PAYLOAD)) {
      problems.push(`DWPRCREQ ${planned.id}: the reason is missing in ${row.RESULT_PAYLOAD}`)
    }
  }
  for (const row of rows) {
    if (!row.CLAIMED_BY || !row.CLAIMED_AT || !row.COMPLETED_AT || !row.RESULT_PAYLOAD) {
      problems.push(`DWPRCREQ ${row.REQUEST_ID}: not closed (${row.STATUS})`)
    }
  }
  return problems
}

function verifySlots(rows: Row[], slots: ExpectedSlot[]): string[] {
  const expected = new Set(slots.map(slotRequestId))
  const found = rows.map((row) => row.REQUEST_ID).filter((id) => id.startsWith('S:'))
  return [
    ...[...expected].filter((id) => !found.includes(id)).map((id) => `slot ${id} did not run`),
    ...found.filter((id) => !expected.has(id)).map((id) => `slot ${id} was not due`),
  ]
}

/** How often each MAPREF has to have run, by its requests, slots and parents. */
function expectedRuns(requests: Row[]): Map<string, number> {
  const runs = new Map<string, number>()
  const add = (mapref: string) => runs.set(mapref, (runs.get(mapref) ?? 0) + 1)
  REQUESTS.filter(({ run }) => run !== null).forEach(({ mapref }) => add(mapref))
  requests.filter(({ REQUEST_ID: id }) => /^[SD]:/.test(id)).forEach(({ MAPREF }) => add(MAPREF))
  return runs
}

function verifyRuns(
  tables: Record<'requests' | 'runs' | 'counts' | 'errors' | 'ledger' | 'schedules', Row[]>
) {
  const problems: string[] = []
  const { requests, runs, counts, errors, ledger } = tables
  const of = (rows: Row[], prcid: number) =>
    rows.filter((row) => row.PRCID === prcid || row.prcid === prcid)

  const expected = expectedRuns(requests)
  for (const mapref of new Set([...expected.keys(), ...runs.map((row) => row.MAPREF)])) {
    const found = runs.filter((row) => row.MAPREF === mapref).length
    if (found !== (expected.get(mapref) ?? 0)) {
      problems.push(`DWPRCLOG ${mapref}: ${found} runs instead of ${expected.get(mapref) ?? 0}`)
    }
  }

  for (const run of runs) {
    const status = run.MAPREF === 'BROKEN_LOAD' ? 'FL' : 'PC'
    const name = `${run.MAPREF} (PRCID ${run.PRCID})`
    if (
      run.STATUS !== status ||
      !run.STRTDT ||
      !run.ENDDT ||
      run.ENDDT < run.STRTDT ||
      !run.SESSIONID
    ) {
      problems.push(`DWPRCLOG ${name}: ${run.STATUS}, ${run.STRTDT} to ${run.ENDDT}`)
    }
    if (of(counts, run.PRCID).length !== (status === 'PC' ? 1 : 0)) {
      problems.push(`DWJOBLOG ${name}: ${of(counts, run.PRCID).length} rows`)
    }
    if (of(errors, run.PRCID).length !== (status === 'FL' ? 1 : 0)) {
      problems.push(`DWJOBERR ${name}: ${of(errors, run.PRCID).length} rows`)
    }
    const effects = status === 'PC' && run.MAPREF !== 'EXPORT_SALES' ? 1 : 0
    if (of(ledger, run.PRCID).length !== effects) {
      problems.push(`run_ledger ${name}: took effect ${of(ledger, run.PRCID).length} times`)
    }
  }

  for (const planned of REQUESTS.filter(({ param1 }) => param1 !== undefined)) {
    if (!runs.some((run) => run.MAPREF === planned.mapref && run.PARAM1 === planned.param1)) {
      problems.push(`DWPRCLOG ${planned.mapref}: no run with PARAM1 ${planned.param1}`)
    }
  }

  const parents = runs.filter((run) => run.MAPREF === 'FACT_SALES' && run.STATUS === 'PC')
  for (const parent of parents) {
    if (!requests.some((row) => row.REQUEST_ID === `D:${parent.PRCID}:508`)) {
      problems.push(`FACT_SALES (PRCID ${parent.PRCID}) did not start its child AGG_DAILY`)
    }
  }
  return problems
}

function verifyTargets(database: Database): string[] {
  const value = (sql: string) => Object.values(database.prepare(sql).get() as Row)[0]
  const checks: [string, unknown, unknown][] = [
    ['customers', value('select count(*) from dim_customer'), AMOUNTS.customers],
    ['products', value('select count(*) from dim_product'), AMOUNTS.products],
    ['stores', value('select count(*) from dim_store'), AMOUNTS.stores],
    ['days', value('select count(*) from dim_date'), 365],
    ['sales', value('select count(*) from fact_sales'), AMOUNTS.sales],
    ['returns', value('select count(*) from fact_returns'), AMOUNTS.returns],
    [
      'amount of the sales by day',
      value('select sum(amount_cents) from agg_daily_sales'),
      value('select sum(amount_cents) from stg_sales'),
    ],
    ['sales by store', value('select sum(sales) from agg_store_sales'), AMOUNTS.sales],
  ]
  return checks
    .filter(([, found, expected]) => found !== expected)
    .map(([name, found, expected]) => `${name}: ${found} instead of ${expected}`)
}
