import { readdir, readFile } from 'node:fs/promises'
import { mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { getActiveTest, test } from '@japa/runner'
import excel from 'exceljs'
import type { ReportsInput } from '../../../src/legacy/reports/config.ts'
import type { LegacyDatabase } from '../../helpers/legacy_database.ts'
import type { EndedRequest } from './support.ts'
import { contractGroup } from './support.ts'
import type { JsonObject } from '../../../src/types/json.ts'

const MAPREF = 'REPORT:SALES'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'almanac-reports-'))
  getActiveTest()?.cleanup(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Stores a SELECT by its code. */
function store(database: LegacyDatabase, sql: string, code = 'SALES'): void {
  database.insert('DWMAPRSQL', { DWMAPRSQLCD: code, DWMAPRSQL: sql, CURFLG: 'Y' })
}

/** What the rows of the reports are made of. */
function ledger(database: LegacyDatabase, notes: (string | null)[]): void {
  notes.forEach((NOTE, index) =>
    database.insert('LEDGER', { PRCID: index + 1, MAPREF: index % 2 ? 'ODD' : 'EVEN', NOTE })
  )
}

function reports(change: Partial<ReportsInput> = {}) {
  const input = { folder: folder(), stored: true, ...change }
  return { reports: input, path: input.folder }
}

function sourceWith(change: Partial<ReportsInput> = {}) {
  return { reports: reports(change).reports }
}

async function contentOf({ result }: EndedRequest): Promise<string> {
  return readFile(String(result.path), 'utf8')
}

contractGroup('REPORT', (open) => {
  test("runs the report's SELECT, writes the file, returns where it is and how many rows", async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    const { path, ...source } = reports()
    ledger(database, ['plain', 'a "quoted", one', '=cmd()', null])
    store(
      database,
      'select PRCID as ID, NOTE as NOTE from LEDGER where PRCID <= :most order by PRCID'
    )
    const id = requester.ask('REPORT', MAPREF, { reportId: 'SALES', most: 3 })
    const ended = await requester.end(world.node({ source }), id)
    assert.equal(ended.STATUS, 'DONE', ended.RESULT_PAYLOAD!)
    const content = await contentOf(ended)
    assert.equal(
      content.replace(/^id,note/, 'ID,NOTE'),
      `ID,NOTE\r\n1,plain\r\n2,"a ""quoted"", one"\r\n3,'=cmd()\r\n`
    )
    assert.containSubset(ended.result, { status: 'PC', report: 'SALES', format: 'csv', rows: 3 })
    assert.equal(ended.result.bytes, Buffer.byteLength(content))
    assert.isNumber(ended.result.seconds)
    const [inline] = ended.result.inline as { rows: unknown[][] }[]
    assert.deepEqual(inline.rows, [
      [1, 'plain'],
      [2, 'a "quoted", one'],
      [3, '=cmd()'],
    ])
    assert.lengthOf(await readdir(path!), 1)
  })

  test('several SELECTs make several sheets of a workbook, or several files', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    const { path, ...source } = reports()
    ledger(database, ['a', 'b', 'c'])
    store(
      database,
      `select PRCID as ID from LEDGER where MAPREF = 'EVEN' order by 1; with L as (select * from LEDGER) select NOTE from L where MAPREF = :kind`
    )
    const node = world.node({ source })
    const params = { kind: 'ODD' }
    const book = requester.ask('REPORT', MAPREF, { reportId: 'SALES', format: 'xlsx', params })
    const workbook = new excel.Workbook()
    const { result } = await requester.end(node, book)
    await workbook.xlsx.readFile(String(result.path))
    const values = workbook.worksheets.map((sheet) => [
      sheet.name,
      sheet.getColumn(1).values.slice(2),
    ])
    assert.deepEqual(values, [
      ['Sheet1', [1, 3]],
      ['Sheet2', ['b']],
    ])
    const lines = requester.ask('REPORT', MAPREF, { reportId: 'SALES', format: 'jsonl', params })
    const { result: two } = await requester.end(node, lines)
    const files = two.files as { path: string; rows: number }[]
    assert.deepEqual(
      files.map(({ rows }) => rows),
      [2, 1]
    )
    assert.match(await readFile(files[1].path, 'utf8'), /^\{"note":"b"\}\n$/i)
    assert.lengthOf(await readdir(path!), 3)
  })

  test('each file has the URL that downloads it, where config says where downloads are', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    store(database, 'select 1 as A; select 2 as B')
    const node = world.node({ source: sourceWith({ url: 'https://dw.test/reports/' }) })
    const id = requester.ask('REPORT', MAPREF)
    const { result } = await requester.end(node, id)
    const urls = (result.files as { url: string }[]).map(({ url }) => url)
    const own = `https://dw.test/reports/${encodeURIComponent(id)}`
    assert.deepEqual(urls, [own, `${own}/1`])
    assert.equal(result.url, own)
  })

  test('what runs is only read: {sql}')
    .with([
      { sql: `delete from LEDGER`, reason: /is no SELECT/ },
      { sql: `select 1; update LEDGER set NOTE = 'x'`, reason: /is no SELECT/ },
      { sql: `select * into COPY from LEDGER`, reason: /has INTO/ },
      { sql: `with X as (delete from LEDGER returning *) select * from X`, reason: /has DELETE/ },
      { sql: `select * from LEDGER for update`, reason: /has UPDATE/ },
      { sql: `select 'open from LEDGER`, reason: /cannot be read/ },
      { sql: ` ; `, reason: /has 0 SELECTs/ },
    ])
    .run(async ({ assert }, { sql, reason }) => {
      const { world, requester, database } = open()
      const { path, ...source } = reports()
      ledger(database, ['kept'])
      store(database, sql)
      const id = requester.ask('REPORT', MAPREF)
      const { STATUS, result } = await requester.end(world.node({ source }), id)
      assert.equal(STATUS, 'FAILED')
      assert.match(String(result.message), reason)
      assert.deepEqual(world.ledger()[0].NOTE, 'kept')
      assert.isEmpty(await readdir(path!))
    })

  test('what hides from the reader hides nothing from it', async ({ assert }) => {
    const { world, requester, database, kind } = open()
    const { path, ...source } = reports()
    const file = join(path!, 'stolen')
    ledger(database, ['kept'])
    const [hidden, reason] = {
      sqlite: [`select 1 as [a]; delete from LEDGER where NOTE <> '`, /cannot be read/] as const,
      postgres: ['select 1 `; delete from LEDGER; select ` 2', /is no SELECT/] as const,
      mysql: [`select 1 as $$ into outfile '${file}' # $$`, /has INTO/] as const,
    }[kind.name]
    store(database, hidden)
    store(database, `select NOTE from LEDGER /*!50000 into outfile '${file}' */`, 'RUN')
    store(database, `select NOTE from LEDGER /*M! into outfile '${file}' */`, 'RUN_M')
    const node = world.node({ source })
    const first = await requester.end(node, requester.ask('REPORT', MAPREF))
    assert.equal(first.STATUS, 'FAILED')
    assert.match(String(first.result.message), reason)
    for (const code of ['RUN', 'RUN_M']) {
      const { STATUS, result } = await requester.end(
        node,
        requester.ask('REPORT', `REPORT:${code}`)
      )
      assert.equal(STATUS, 'FAILED')
      assert.match(String(result.message), /a comment that the server would run.*leave it out/)
    }
    assert.deepEqual(world.ledger()[0].NOTE, 'kept')
    assert.isEmpty(await readdir(path!))
  })

  test('of a report that fails no file is left, and the request says what the database said', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    const { path, ...source } = reports()
    ledger(database, ['a'])
    store(database, 'select * from LEDGER; select * from NOWHERE_AT_ALL')
    const id = requester.ask('REPORT', MAPREF)
    const { STATUS, result } = await requester.end(world.node({ source }), id)
    assert.equal(STATUS, 'FAILED')
    assert.match(String(result.message), /NOWHERE_AT_ALL/i)
    assert.isEmpty(await readdir(path!))
  })

  test('rows beyond the limit are left out, and the result says so', async ({ assert }) => {
    const { world, requester, database } = open()
    const source = sourceWith()
    ledger(database, ['a', 'b', 'c', 'd'])
    store(database, 'select NOTE from LEDGER order by PRCID')
    const wish = { reportId: 'SALES', row_limit: 2, header: 'N' }
    const id = requester.ask('REPORT', MAPREF, wish)
    const ended = await requester.end(world.node({ source }), id)
    assert.equal(await contentOf(ended), 'a\r\nb\r\n')
    assert.containSubset(ended.result, { rows: 2, limited: true })
  })

  test('dates are those of the zone, numbers exact, nulls empty', async ({ assert }) => {
    const { world, requester, database, kind } = open()
    const source = sourceWith()
    const { sql, stamp } = {
      sqlite: { sql: `'12345678901234567890.05'`, stamp: `'2026-07-01 06:30:00'` },
      postgres: {
        sql: 'cast(12345678901234567890.05 as numeric(30,2))',
        stamp: `timestamptz '2026-07-01 04:30:00+00'`,
      },
      mysql: {
        sql: 'cast(12345678901234567890.05 as decimal(30,2))',
        stamp: `timestamp '2026-07-01 06:30:00'`,
      },
    }[kind.name]
    store(database, `select ${sql} as MONEY, ${stamp} as SEEN, null as BLANK`)
    const id = requester.ask('REPORT', MAPREF, { reportId: 'SALES', header: 'N' })
    const node = world.node({ source: { ...source, timezone: 'Europe/Berlin' } })
    const ended = await requester.end(node, id)
    assert.equal(await contentOf(ended), '12345678901234567890.05,2026-07-01 06:30:00,\r\n')
  })

  test('a report that config defines needs no stored SELECT', async ({ assert }) => {
    const { world, requester, database } = open()
    ledger(database, ['a', 'b'])
    const define = {
      DAILY: {
        sql: {
          notes: 'select NOTE from LEDGER where MAPREF = :kind',
          all: 'select count(*) as N from LEDGER',
        },
        format: 'jsonl' as const,
      },
    }
    const source = sourceWith({ stored: false, define })
    const node = world.node({ source })
    const id = requester.ask('REPORT', 'REPORT:DAILY', { kind: 'ODD' })
    const { STATUS, result } = await requester.end(node, id)
    assert.equal(STATUS, 'DONE', JSON.stringify(result))
    assert.deepEqual(
      (result.files as { sheet: string }[]).map(({ sheet }) => sheet),
      ['notes', 'all']
    )
    store(database, 'select 1')
    const stored = await requester.end(node, requester.ask('REPORT', MAPREF))
    assert.equal(stored.STATUS, 'FAILED')
    assert.match(String(stored.result.message), /stored does not let stored SELECTs run/)
  })

  test('its file can be fetched by the request until it expires', async ({ assert }) => {
    const { world, requester, database } = open()
    const { path, ...source } = reports({ keep: '1d' })
    ledger(database, ['a'])
    store(database, 'select NOTE from LEDGER')
    const node = world.node({ source })
    const id = requester.ask('REPORT', MAPREF)
    await requester.end(node, id)
    const made = await node.adapter.reports.find(id)
    assert.containSubset(made, { reportId: 'SALES', mapref: MAPREF })
    const file = await node.adapter.reports.open(made!)
    assert.match(await text(file!.stream), /a\r\n$/)
    assert.match(file!.type, /^text\/csv/)

    const [name] = await readdir(path!)
    const expire = node.chores.find((chore) => chore.name === 'legacy.reports.dw')!
    const at = (age: number) => {
      const seconds = world.clock.now() / 1000 - age
      utimesSync(join(path!, name), seconds, seconds)
    }
    at(23 * 3_600)
    await expire.run()
    assert.lengthOf(await readdir(path!), 1)
    at(25 * 3_600)
    await expire.run()
    assert.isEmpty(await readdir(path!))
    assert.isNull(await node.adapter.reports.open(made!))
  })

  test('a file is found by its request alone, whatever another program writes there', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    const source = sourceWith()
    store(database, 'select 1 as N')
    const node = world.node({ source })
    const mine = requester.ask('REPORT', MAPREF)
    const other = requester.ask('REPORT', MAPREF)
    const { result } = await requester.end(node, mine)
    await requester.end(node, other)
    const forged = {
      report: 'SALES',
      files: [{ name: '../../etc/passwd' }, ...(result.files as [])],
    }
    database.execute(
      'update DWPRCREQ set RESULT_PAYLOAD = ? where REQUEST_ID = ?',
      JSON.stringify(forged),
      other
    )
    assert.isNull(await node.adapter.reports.find(other))
    assert.isNotNull(await node.adapter.reports.find(mine))
  })

  test('STOP ends a report that is being made, and leaves no file', async ({ assert }) => {
    const { world, requester, database } = open()
    const { path, ...source } = reports({ rowLimit: 20_000_000 })
    database.insertMany(
      'LEDGER',
      Array.from({ length: 1_500 }, (_, PRCID) => ({ PRCID, MAPREF: 'M', NOTE: 'n' }))
    )
    store(database, 'select a.PRCID, b.PRCID as OTHER from LEDGER a, LEDGER b, LEDGER c')
    const node = world.node({ source })
    const id = requester.ask('REPORT', MAPREF)
    const run = node.run()
    for (let files: string[] = []; files.length === 0; files = await readdir(path!)) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    requester.ask('STOP', MAPREF, {})
    await node.sources[0].control!()
    let working = true
    void run.then(() => (working = false))
    while (working) {
      await world.clock.advance(1_000)
    }
    const { STATUS, result } = requester.read(id)
    assert.equal(STATUS, 'FAILED')
    assert.equal(result.status, 'ST')
    assert.isEmpty(await readdir(path!))
  })
})

contractGroup(
  'REPORT | refused',
  (open) => {
    test('by itself, naming field, value and remedy: {payload}')
      .with([
        { payload: { format: 'pdf' }, reason: /format "pdf" is none of csv, xlsx, jsonl/ },
        { payload: { row_limit: 0 }, reason: /row_limit "0" is no whole number/ },
        { payload: { row_limit: 10_000_000 }, reason: /row_limit 10000000 is above the 1000000/ },
        { payload: { header: 'perhaps' }, reason: /header "perhaps" is neither/ },
        { payload: { reportId: 'OTHER' }, reason: /"OTHER" is not the report of MAPREF/ },
        { payload: { params: [1] }, reason: /params \[1\] is not an object/ },
        { payload: { params: { kind: {} } }, reason: /kind is no single value/ },
        { payload: { params: { kind: 1 }, KIND: 2 }, reason: /gives the bind "kind" twice/ },
        { payload: '{"constructor":1}', reason: /constructor is no bind of the report/ },
        { payload: {}, reason: /no value for :kind/ },
        { payload: { kind: 'a', colour: 'b' }, reason: /colour is no bind of the report.*:kind/ },
        { payload: { kind: 'a', mail_to: 'x@y.z' }, reason: /"x@y.z" may not get reports/ },
        { payload: { kind: 'a', mail_to: 'nobody' }, reason: /"nobody" is no mail address/ },
      ] as { payload: JsonObject; reason: RegExp }[])
      .run(async ({ assert }, { payload, reason }) => {
        const { world, requester, database } = open()
        const source = sourceWith()
        store(database, 'select * from LEDGER where MAPREF = :kind')
        const id = requester.ask('REPORT', MAPREF, payload as never)
        const { STATUS, result } = await requester.end(world.node({ source }), id)
        assert.equal(STATUS, 'FAILED')
        assert.match(String(result.message), reason)
      })

    test('without reports in config none runs', async ({ assert }) => {
      const { world, requester, database } = open()
      store(database, 'select 1')
      const id = requester.ask('REPORT', MAPREF)
      const { STATUS, result } = await requester.end(world.node(), id)
      assert.equal(STATUS, 'FAILED')
      assert.match(String(result.message), /reports are off: legacy.sources.dw.reports/)
    })

    test('a code that is not there, or there twice', async ({ assert }) => {
      const { world, requester, database } = open()
      const source = sourceWith()
      const node = world.node({ source })
      const none = await requester.end(node, requester.ask('REPORT', MAPREF))
      assert.match(String(none.result.message), /"SALES" is unknown: neither/)
      store(database, 'select 1')
      store(database, 'select 2')
      const twice = await requester.end(node, requester.ask('REPORT', MAPREF))
      assert.match(String(twice.result.message), /has 2 current SELECTs/)
    })
  },
  ({ generation }) => generation === 'dms'
)
