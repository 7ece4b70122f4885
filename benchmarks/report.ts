import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite from 'better-sqlite3'
import { FolderStore } from '../src/legacy/reports/folder_store.ts'
import { Production } from '../src/legacy/reports/production.ts'
import { FORMATS, type ReportFormat } from '../src/legacy/reports/request.ts'
import { WallClock } from '../src/legacy/wall_clock.ts'
import { sessionOf } from '../src/storage/database/lucid_session.ts'
import { CONNECTION, openDatabase } from '../tests/helpers/server_database.ts'
import { requires } from '../tests/helpers/services.ts'

/**
 * Peak memory, time and size of a report of a million rows.
 *
 *   npm run bench:report                          SQLite and, where it is there, PostgreSQL
 *   npm run bench:report -- 100000                other rows
 *
 * Each report is made in a process of its own, whose heap is bounded: it must
 * get by with that. The memory is the resident set of the whole process, the
 * compiler of TypeScript included, sampled every 20 ms.
 */
const ROWS = Number(process.argv[2] ?? 1_000_000)
/** MiB */
const BOUND = 300
/** A process that may use so much takes what it likes of it before it collects. */
const HEAP = ['--max-old-space-size=96', '--max-semi-space-size=4']
const SAMPLE = 20
const MIB = 1024 * 1024

const COLUMNS = `i as ID, 'customer number ' || i as NAME, i * 1.25 as AMOUNT, 'a note, with a "quote" in it' as NOTE`
const SERIES = `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${ROWS})`

interface Place {
  title: string
  url: string
  sql: string
}

async function places(folder: string): Promise<Place[]> {
  const file = join(folder, 'warehouse.sqlite3')
  new BetterSqlite(file).close()
  const postgres = await requires('postgresql')
  const sqlite = { title: 'SQLite', url: `file:${file}`, sql: `${SERIES} select ${COLUMNS} from n` }
  const series = `select ${COLUMNS}, timestamp '2026-01-01' + i * interval '1 second' as SEEN from generate_series(1, ${ROWS}) as s (i)`
  return postgres.available
    ? [sqlite, { title: 'PostgreSQL', url: postgres.location, sql: series }]
    : [sqlite]
}

function sampled() {
  let peak = process.memoryUsage.rss()
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, SAMPLE)
  return {
    stop() {
      clearInterval(timer)
      return Math.max(peak, process.memoryUsage.rss()) / MIB
    },
  }
}

async function measure(place: Place, format: ReportFormat, folder: string): Promise<number> {
  const lucid = openDatabase(place.url)
  const quiet = () => {}
  const logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet }
  const production = new Production({
    session: sessionOf(lucid.connection(CONNECTION)),
    store: new FolderStore(folder),
    reports: {
      ...{ place: { folder }, stored: true, define: new Map(), format, mail: null },
      ...{ rowLimit: ROWS, inlineRows: 100, keep: 1, timeout: 1 },
      csv: { delimiter: ',', guardFormulas: true, bom: false },
    },
    wallClock: new WallClock('Europe/Berlin'),
    context: { signal: new AbortController().signal, progress: quiet, logger },
    identity: { source: 'bench', requestId: place.title, reportId: 'MILLION' },
  })
  globalThis.gc?.()
  const memory = sampled()
  const began = performance.now()
  const report = { sql: place.sql, format, rowLimit: ROWS, header: true }
  const select = { sheet: 'Sheet1', sql: place.sql, bindings: [] }
  const { rows, bytes } = await production.run(report, [select])
  const seconds = (performance.now() - began) / 1000
  const peak = memory.stop()
  await lucid.manager.closeAll()
  const figures = [
    `${rows.toLocaleString('en')} rows`,
    `${(bytes / MIB).toFixed(1)} MiB`,
    `${seconds.toFixed(1)} s`,
    `peak ${peak.toFixed(0)} MiB`,
  ]
  console.log(`${place.title.padEnd(11)} ${format.padEnd(6)} ${figures.join('   ')}`)
  return peak
}

/** In a process of its own: what one report took would count for the next. */
function apart(place: string, format: string): number {
  const args = ['--expose-gc', ...HEAP, '--import=@poppinss/ts-exec', process.argv[1], String(ROWS)]
  const { stdout, status } = spawnSync(process.execPath, [...args, place, format], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  const [line, peak] = stdout.trim().split('\n')
  if (status !== 0) {
    throw new Error(`${place} ${format} failed`)
  }
  console.log(line)
  return Number(peak)
}

const [, , , only, onlyFormat] = process.argv
const folder = await mkdtemp(join(tmpdir(), 'almanac-report-'))
try {
  let highest = 0
  for (const place of await places(folder)) {
    for (const format of FORMATS) {
      if (only === undefined) {
        highest = Math.max(highest, apart(place.title, format))
      } else if (only === place.title && onlyFormat === format) {
        console.log(await measure(place, format, folder))
      }
    }
  }
  if (only === undefined) {
    console.log(`highest peak ${highest.toFixed(0)} MiB; the bound is ${BOUND} MiB`)
    process.exitCode = highest < BOUND ? 0 : 1
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
