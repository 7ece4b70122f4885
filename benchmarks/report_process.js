/**
 * One report in a process of its own, from the built package: what would be
 * measured of the sources is their compiler. Its memory is the resident set of
 * the whole process, sampled every 20 ms.
 *
 *   node benchmarks/report_process.js '{"folder", "location", "title", "sql", "format", "rows"}'
 */
import { AppFactory } from '@adonisjs/core/factories/app'
import { EmitterFactory } from '@adonisjs/core/factories/events'
import { LoggerFactory } from '@adonisjs/core/factories/logger'
import { Database } from '@adonisjs/lucid/database'
import { FolderStore } from '../build/src/legacy/reports/folder_store.js'
import { Production } from '../build/src/legacy/reports/production.js'
import { WallClock } from '../build/src/legacy/wall_clock.js'
import { sessionOf } from '../build/src/storage/database/lucid_session.js'

const SAMPLE = 20
const CONNECTION = 'bench'
const { folder, location, title, sql, format, rows } = JSON.parse(process.argv[2])
const quiet = () => {}

function openDatabase() {
  const connection = location.startsWith('postgres')
    ? { client: 'pg', connection: location }
    : { client: 'better-sqlite3', connection: { filename: location }, useNullAsDefault: true }
  const app = new AppFactory().create(new URL('../', import.meta.url), quiet)
  return new Database(
    { connection: CONNECTION, connections: { [CONNECTION]: connection } },
    new LoggerFactory().merge({ enabled: false }).create(),
    new EmitterFactory().create(app)
  )
}

function productionOn(lucid) {
  const logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet }
  return new Production({
    session: sessionOf(lucid.connection(CONNECTION)),
    store: new FolderStore(folder),
    reports: {
      ...{ place: { folder }, stored: true, define: new Map(), format, mail: null },
      url: { from: 'nowhere' },
      ...{ rowLimit: rows, inlineRows: 100, keep: 1, timeout: 1 },
      csv: { delimiter: ',', guardFormulas: true, bom: false },
    },
    wallClock: new WallClock('Europe/Berlin'),
    context: { signal: new AbortController().signal, progress: quiet, logger },
    identity: { source: 'bench', requestId: title, reportId: 'MILLION' },
  })
}

const lucid = openDatabase()
const production = productionOn(lucid)
const began = performance.now()
const start = process.memoryUsage.rss()
let peak = start
const sample = () => (peak = Math.max(peak, process.memoryUsage.rss()))
const timer = setInterval(sample, SAMPLE)
const report = { sql, format, rowLimit: rows, header: true }
const produced = await production.run(report, [{ sheet: 'Sheet1', sql, bindings: [] }])
clearInterval(timer)
sample()
await lucid.manager.closeAll()
const seconds = (performance.now() - began) / 1000
console.log(JSON.stringify({ rows: produced.rows, bytes: produced.bytes, seconds, start, peak }))
