import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import BetterSqlite from 'better-sqlite3'
import type { Database } from 'better-sqlite3'
import { FLOWS } from './flows.ts'
import { generate } from './generator.ts'
import type { ScheduleRow } from './schedules.ts'

/** Opens the warehouse as any other program would: Almanac is not involved. */
export function openWarehouse(file: string): Database {
  const database = new BetterSqlite(file)
  database.pragma('journal_mode = WAL')
  database.pragma('busy_timeout = 5000')
  return database
}

/** The reference schema of the old tables, as the package ships it. */
function legacySchema(): string {
  const manifest = createRequire(import.meta.url).resolve('adonisjs-almanac/package.json')
  return readFileSync(new URL(`file://${manifest}/../database/legacy/dw.sqlite.sql`), 'utf8')
}

/** Makes the warehouse that the old scheduler left behind. */
export function createWarehouse(database: Database, schedules: ScheduleRow[], now: string): void {
  database.exec(legacySchema())
  database.exec(readFileSync(new URL('staging.sql', import.meta.url), 'utf8'))
  generate(database)
  insertFlows(database, now)
  insertSchedules(database, schedules, now)
}

function insertFlows(database: Database, now: string): void {
  const insert = database.prepare(
    `insert into DWJOBFLW (JOBFLWID, JOBID, MAPREF, TRGSCHM, TRGTBTYP, TRGTBNM, DWLOGIC, STFLG, RECRDT, RECUPDT, CURFLG)
     values (?, ?, ?, 'MAIN', 'TBL', ?, ?, ?, ?, ?, 'Y')`
  )
  FLOWS.forEach((flow, index) => {
    insert.run(100 + index, 1 + index, flow.mapref, flow.target, flow.logic, 'A', now, now)
  })
  // a mapping that was retired: current, but not active
  insert.run(199, 99, 'RETIRED_LOAD', 'fact_old', 'delete from fact_old', 'I', now, now)
}

function insertSchedules(database: Database, schedules: ScheduleRow[], now: string): void {
  const insert = database.prepare(
    `insert into DWJOBSCH (JOBSCHID, JOBFLWID, MAPREF, FRQCD, FRQDD, FRQHH, FRQMI, STRTDT, STFLG, CURFLG, DPND_JOBSCHID, RECCRDT, RECUPDT, SCHFLG)
     values (?, ?, ?, ?, ?, ?, ?, ?, 'A', 'Y', ?, ?, ?, 'Y')`
  )
  for (const row of schedules) {
    const flow = FLOWS.findIndex((candidate) => candidate.mapref === row.mapref)
    insert.run(
      row.id,
      100 + flow,
      row.mapref,
      row.code,
      row.day,
      row.hour,
      row.minute,
      row.start,
      row.parent ?? null,
      now,
      now
    )
  }
}
