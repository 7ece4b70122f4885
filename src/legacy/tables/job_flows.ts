import { E_LEGACY_FLOW } from '../../errors.ts'
import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TableLayout } from './layout.ts'
import type { Quote } from './row_sets.ts'
import { marks, toNumber, toText } from './values.ts'

/** An executable flow. */
export interface FlowRow {
  jobflwid: number
  jobid: number | null
  mapref: string
  trgschm: string | null
  trgtbtyp: string | null
  trgtbnm: string | null
  /** The logic; null when there is none. */
  dwlogic: string | null
}

export type ActiveFlow =
  { kind: 'active'; flow: FlowRow } | { kind: 'none' } | { kind: 'many'; ids: number[] }

const COLUMNS = [
  'jobflwid',
  'jobid',
  'mapref',
  'trgschm',
  'trgtbtyp',
  'trgtbnm',
  'dwlogic',
] as const

/** DWJOBFLW: what runs for a MAPREF. */
export class JobFlows {
  readonly #table: TableLayout<ColumnKey<'jobFlows'>>
  readonly #quote: Quote

  constructor(table: TableLayout<ColumnKey<'jobFlows'>>, quote: Quote) {
    this.#table = table
    this.#quote = quote
  }

  /** The flow with CURFLG = Y and STFLG = A, which must be one. */
  async active(session: LegacySession, mapref: string): Promise<ActiveFlow> {
    const table = this.#table
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(COLUMNS))
        .where(table.column('mapref'), mapref)
        .where(table.column('curflg'), 'Y')
        .where(table.column('stflg'), 'A')
        .orderBy(table.column('jobflwid'))
    )
    if (rows.length > 1) {
      return { kind: 'many', ids: rows.map((row) => Number(row.jobflwid)) }
    }
    return rows.length === 0 ? { kind: 'none' } : { kind: 'active', flow: toFlow(rows[0]) }
  }

  /**
   * The active flows of several MAPREFs, by MAPREF. Left out is one that has
   * none, or several, and one that the database finds under another spelling.
   */
  async activeOf(session: LegacySession, maprefs: string[]): Promise<Map<string, FlowRow>> {
    const { rows } = await session.run(() =>
      session.sql.query(this.#activeSql(maprefs.length), maprefs)
    )
    const flows = rows.map(toFlow)
    const counts = new Map<string, number>()
    for (const { mapref } of flows) {
      counts.set(folded(mapref), (counts.get(folded(mapref)) ?? 0) + 1)
    }
    const single = flows.filter(({ mapref }) => counts.get(folded(mapref)) === 1)
    return new Map(single.map((flow) => [flow.mapref, flow]))
  }

  #activeSql(count: number): string {
    const table = this.#table
    const [mapref, curflg, stflg] = (['mapref', 'curflg', 'stflg'] as const).map((key) =>
      this.#quote(table.column(key))
    )
    return `select ${table.reading(COLUMNS, this.#quote).join(', ')} from ${this.#quote(table.name)}
      where ${mapref} in ${marks(count)} and ${curflg} = 'Y' and ${stflg} = 'A'`
  }

  /** @throws E_LEGACY_FLOW when there is no active flow, or more than one */
  async activeFlow(session: LegacySession, mapref: string): Promise<FlowRow> {
    const found = await this.active(session, mapref)
    if (found.kind === 'active') {
      return found.flow
    }
    const { name } = this.#table
    const flags = `${this.#table.column('curflg')} = 'Y' and ${this.#table.column('stflg')} = 'A'`
    const reason =
      found.kind === 'none'
        ? await this.#whyNone(session, mapref, flags)
        : `${name} has ${found.ids.length} active rows for it (${flags}): ${found.ids.join(', ')}; keep one`
    throw new E_LEGACY_FLOW([mapref, reason])
  }

  /** Keeps others that lock it waiting until the transaction ends; SQLite has one writer anyway. */
  async lock(session: LegacySession, jobflwid: number): Promise<void> {
    const table = this.#table
    await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['jobflwid']))
        .where(table.column('jobflwid'), jobflwid)
        .forUpdate()
    )
  }

  /** A MAPREF that is misspelt and a flow that is switched off have different remedies. */
  async #whyNone(session: LegacySession, mapref: string, flags: string): Promise<string> {
    const { name } = this.#table
    const rows: unknown[] = await session.run(() =>
      session.client
        .from(name)
        .select(this.#table.select(['jobflwid']))
        .where(this.#table.column('mapref'), mapref)
        .limit(1)
    )
    return rows.length === 0
      ? `the MAPREF is unknown: ${name} has no row for it`
      : `${name} has no active row for it (${flags})`
  }
}

/** Without regard to case and spaces at the end, as some collations compare. */
function folded(mapref: string): string {
  return mapref.trimEnd().toLowerCase()
}

function toFlow(row: Record<string, unknown>): FlowRow {
  return {
    jobflwid: Number(row.jobflwid),
    jobid: toNumber(row.jobid),
    mapref: String(row.mapref),
    trgschm: toText(row.trgschm),
    trgtbtyp: toText(row.trgtbtyp),
    trgtbnm: toText(row.trgtbnm),
    dwlogic: toText(row.dwlogic),
  }
}
