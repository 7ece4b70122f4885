import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite from 'better-sqlite3'
import { FORMATS, type ReportFormat } from '../src/legacy/reports/request.ts'
import { requires } from '../tests/helpers/services.ts'
import { CommandLine } from './lib/command_line.ts'

/**
 * Peak memory, time and size of reports, each made in a process of its own
 * with Node's defaults. Few rows and many show whether memory grows with them.
 */
const USAGE = `npm run bench:report -- [rows…]
  rows: how many each report has, by default 250000 1000000
  on SQLite and, where it is there, PostgreSQL`
const line = new CommandLine(USAGE, {})
const told = line.words.map((word) => line.numberOf('rows', word, { whole: true }))
const ROWS = told.length > 0 ? told : [250_000, 1_000_000]
/** Bytes. */
const BOUND = 300e6
const MB = 1e6
const PROCESS = join(import.meta.dirname, 'report_process.js')

const COLUMNS = `i as ID, 'customer number ' || i as NAME, i * 1.25 as AMOUNT, 'a note, with a "quote" in it' as NOTE`

interface Place {
  title: string
  location: string
  sql(rows: number): string
}

interface Figures {
  rows: number
  bytes: number
  seconds: number
  start: number
  peak: number
}

async function places(folder: string): Promise<Place[]> {
  const file = join(folder, 'warehouse.sqlite3')
  new BetterSqlite(file).close()
  const { available, location } = await requires('postgresql')
  const sqlite = {
    title: 'SQLite',
    location: file,
    sql: (rows: number) =>
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${rows}) select ${COLUMNS} from n`,
  }
  const postgres = {
    title: 'PostgreSQL',
    location,
    sql: (rows: number) =>
      `select ${COLUMNS}, timestamp '2026-01-01' + i * interval '1 second' as SEEN from generate_series(1, ${rows}) as s (i)`,
  }
  return available ? [sqlite, postgres] : [sqlite]
}

/** In a process of its own: what one report took would count for the next. */
function measure(place: Place, format: ReportFormat, rows: number, folder: string): Figures {
  const { title, location } = place
  const task = { folder, location, title, sql: place.sql(rows), format, rows }
  const { stdout, status } = spawnSync(process.execPath, [PROCESS, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  if (status !== 0) {
    throw new Error(`${title} ${format} failed`)
  }
  return JSON.parse(stdout) as Figures
}

function tell({ title }: Place, format: ReportFormat, figures: Figures): void {
  const { rows, bytes, seconds, start, peak } = figures
  const parts = [
    `${rows.toLocaleString('en').padStart(9)} rows`,
    `${(bytes / MB).toFixed(1).padStart(5)} MB`,
    `${seconds.toFixed(1).padStart(5)} s`,
    `memory ${(start / MB).toFixed(0)} MB at first, peak ${(peak / MB).toFixed(0)} MB`,
  ]
  console.log(`${title.padEnd(11)} ${format.padEnd(6)} ${parts.join('   ')}`)
}

const folder = await mkdtemp(join(tmpdir(), 'almanac-report-'))
try {
  let highest = 0
  for (const place of await places(folder)) {
    for (const format of FORMATS) {
      for (const rows of ROWS) {
        const figures = measure(place, format, rows, folder)
        tell(place, format, figures)
        highest = Math.max(highest, figures.peak)
      }
    }
  }
  console.log(`highest peak ${(highest / MB).toFixed(0)} MB; the bound is ${BOUND / MB} MB`)
  process.exitCode = highest < BOUND ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
