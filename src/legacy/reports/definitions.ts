import type { LegacyConnection } from '../connection.ts'
import { Refusal, shorten } from '../request_fields.ts'
import type { LegacyTables } from '../tables/main.ts'
import type { ReportDefinition, ReportsConfig } from './config.ts'
import type { ReportWishes } from './request.ts'

/** A report as it is to be made. */
export type WantedReport = Required<ReportDefinition>

interface Deps {
  connection: LegacyConnection
  tables: LegacyTables
  reports: ReportsConfig
  /** Of the config, for what a refusal names. */
  key: string
}

/**
 * The report of an id: one that config defines, else a SELECT that is stored
 * under this code, where config lets these run.
 *
 * @throws Refusal
 */
export async function findReport(
  deps: Deps,
  id: string,
  wishes: ReportWishes
): Promise<WantedReport> {
  const { reports } = deps
  const definition = reports.define.get(id) ?? { sql: await storedSelect(deps, id) }
  const limit = definition.rowLimit ?? reports.rowLimit
  if (wishes.rowLimit !== null && wishes.rowLimit > limit) {
    throw new Refusal(
      `PAYLOAD.row_limit ${wishes.rowLimit} is above the ${limit} rows that config allows the report`
    )
  }
  return {
    sql: definition.sql,
    format: wishes.format ?? definition.format ?? reports.format,
    rowLimit: wishes.rowLimit ?? limit,
    header: wishes.header ?? definition.header ?? true,
  }
}

async function storedSelect({ connection, tables, reports, key }: Deps, id: string) {
  const found = reports.stored
    ? await tables.storedSelects.find(connection.session, id)
    : { kind: 'refused' as const }
  switch (found.kind) {
    case 'found':
      return found.sql
    case 'many':
      throw new Refusal(`report "${shorten(id)}" has ${found.count} current SELECTs; keep one`)
    case 'refused':
      throw new Refusal(
        `report "${shorten(id)}" is unknown: ${key}.define has none of this id, and ${key}.stored does not let stored SELECTs run`
      )
    default:
      throw new Refusal(
        `report "${shorten(id)}" is unknown: neither ${key}.define nor the table of stored SELECTs has it`
      )
  }
}
