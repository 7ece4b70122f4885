import { isAlmanacSession } from '../claims.ts'
import { COMPLETED } from '../checkpoints/strategy.ts'
import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { TextLimit } from '../text_cut.ts'
import type { TableLayout } from './layout.ts'
import { affectedRows, toNumber, toText } from './values.ts'

/** Begins PRCLOG of a run whose PARAM1 is its position, and no longer the parameter it was begun with. */
const MARK = 'checkpoint:'
/** Runs that are looked back through. */
const LOOK_BACK = 50

const COLUMNS = ['prcid', 'status', 'sessionid', 'param1', 'log'] as const

/** The positions of runs: PARAM1 of their rows in DWPRCLOG. */
export class Positions {
  readonly #table: TableLayout<ColumnKey<'processLogs'>>

  constructor(table: TableLayout<ColumnKey<'processLogs'>>) {
    this.#table = table
  }

  /** How long a position may be. */
  get limit(): TextLimit | null {
    return this.#table.limit('param1')
  }

  /**
   * Stores where a run stands; null: at the beginning.
   *
   * @returns false when the run no longer is in progress: nothing was written
   */
  async save(
    session: LegacySession,
    {
      prcid,
      position,
      kind,
      now,
    }: { prcid: number; position: string | null; kind: string; now: number }
  ): Promise<boolean> {
    const table = this.#table
    const row = table.row({ param1: position, log: `${MARK} ${kind}`, recupdt: now })
    const result: unknown = await session.run(() =>
      session.client
        .from(table.name)
        .where(table.column('prcid'), prcid)
        .where(table.column('status'), 'IP')
        .update(row)
    )
    return affectedRows(result) > 0
  }

  /**
   * Where the work of a MAPREF stands before this run: the position of its
   * last run, unless that was completed. Runs of this package whose PARAM1 was
   * never made a position are passed over, but for one that succeeded; a row
   * of another program is taken at its word.
   */
  async last(
    session: LegacySession,
    { mapref, before }: { mapref: string; before: number }
  ): Promise<string | null> {
    for (const row of await this.#runs(session, mapref, before)) {
      const isMarked = toText(row.log)?.startsWith(MARK) === true
      const position = toText(row.param1)
      if (row.status === 'PC' || position === COMPLETED) {
        return null
      }
      if (isMarked || !isAlmanacSession(toNumber(row.sessionid))) {
        return position
      }
    }
    return null
  }

  /** Newest first; PRCIDs come from blocks, so that only their start tells their order. */
  #runs(session: LegacySession, mapref: string, before: number) {
    const table = this.#table
    return session.run<Record<string, unknown>[]>(() =>
      session.client
        .from(table.name)
        .select(table.select(COLUMNS))
        .where(table.column('mapref'), mapref)
        .whereNot(table.column('prcid'), before)
        .orderBy(table.column('strtdt'), 'desc')
        .orderBy(table.column('prcid'), 'desc')
        .limit(LOOK_BACK)
    )
  }
}
