import { execFile } from 'node:child_process'
import { PassThrough, Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from '@japa/runner'
import excel from 'exceljs'
import type { WriterOptions } from '../../src/legacy/reports/writer.ts'
import { XlsxWriter } from '../../src/legacy/reports/xlsx_writer.ts'
import { WallClock } from '../../src/legacy/wall_clock.ts'
import type { SqlCell, SqlColumn } from '../../src/storage/sql_session.ts'
import { requires } from '../helpers/services.ts'

const run = promisify(execFile)
const python = await requires('python3')

const OPTIONS: WriterOptions = {
  header: true,
  csv: { delimiter: ',', guardFormulas: true, bom: false },
  wallClock: new WallClock('Europe/Berlin'),
}
const TEXT: SqlColumn[] = [{ name: 'NOTE', kind: 'text' }]

type SheetRows = [name: string, columns: SqlColumn[], rows: SqlCell[][]]

async function written(sheets: SheetRows[], sheetRows?: number, options = OPTIONS) {
  const stream = new PassThrough()
  const content = buffer(stream)
  const writer = new XlsxWriter(stream, options, sheetRows)
  for (const [name, columns, rows] of sheets) {
    await writer.begin(name, columns)
    await writer.rows(rows)
  }
  await writer.end()
  return content
}

/** Writes a workbook, and reads it as another program does. */
async function workbookOf(...given: Parameters<typeof written>) {
  const content = await written(...given)
  const workbook = new excel.Workbook()
  await workbook.xlsx.load(content as never)
  return workbook
}

/** Rows that compress badly, of some 100 KiB together. */
function noise(): SqlCell[][] {
  return Array.from({ length: 100 }, () => [
    Array.from({ length: 40 }, () => Math.random().toString(36).repeat(2)).join(''),
  ])
}

test.group('Workbook | for a reader that knows the format alone', () => {
  test('every part is in order, and every cell has its type', async ({ assert, fs }) => {
    const columns: SqlColumn[] = [
      { name: 'ID', kind: 'number' },
      { name: 'Größe & <Rest>', kind: 'text' },
      { name: 'OPEN', kind: 'boolean' },
      { name: 'DAY', kind: 'date' },
      { name: 'SEEN', kind: 'instant' },
    ]
    const rows: SqlCell[][] = [
      [1, ' a "b" <c> & \n d ', true, '2026-07-01', '2026-07-01 04:30:00+00'],
      ['-12.50', null, false, '2026-07-01 06:30:15', null],
      ['12345678901234567890.05', '😀=1+1', null, '1899-12-31', null],
    ]
    const content = await written([
      ['Erstes', columns, rows],
      ['Zweites', TEXT, [['x']]],
    ])
    await fs.create('book.xlsx', content as never)
    const script = fileURLToPath(new URL('../fixtures/python/read_workbook.py', import.meta.url))
    const { stdout } = await run(python.location, [script, `${fs.basePath}/book.xlsx`])
    const text = (value: string) => ['text', value]
    const found = JSON.parse(stdout) as Record<string, unknown[][]>
    // Whether nulls at the end of a row have cells is nobody's concern
    const cells = found.Erstes.map((row) =>
      Array.from({ length: columns.length }, (_, at) => row[at] ?? ['empty', null])
    )
    assert.deepEqual(cells, [
      columns.map(({ name }) => text(name)),
      [
        ...[['number', 1], text(' a "b" <c> & \n d '), ['boolean', true]],
        ...[
          ['date', '2026-07-01T00:00:00'],
          ['date', '2026-07-01T06:30:00'],
        ],
      ],
      [
        ...[
          ['number', -12.5],
          ['empty', null],
          ['boolean', false],
        ],
        ...[
          ['date', '2026-07-01T06:30:15'],
          ['empty', null],
        ],
      ],
      [
        ...[text('12345678901234567890.05'), text('😀=1+1'), ['empty', null]],
        ...[text('1899-12-31'), ['empty', null]],
      ],
    ])
    assert.deepEqual(found.Zweites, [[text('NOTE')], [text('x')]])
    assert.deepEqual(Object.keys(found), ['Erstes', 'Zweites'])
  }).skip(!python.available, python.reason)
})

test.group('Workbook', () => {
  test('each value has its type: {cell}')
    .with([
      { kind: 'text', cell: 1.5, value: 1.5 },
      { kind: 'text', cell: true, value: true },
      { kind: 'text', cell: false, value: false },
      { kind: 'text', cell: null, value: null },
      { kind: 'text', cell: '0012', value: '0012' },
      { kind: 'text', cell: '=1+1', value: '=1+1' },
      { kind: 'text', cell: Number.POSITIVE_INFINITY, value: 'Infinity' },
      { kind: 'number', cell: '-12.50', value: -12.5 },
      { kind: 'number', cell: '12345678901234567890.05', value: '12345678901234567890.05' },
      { kind: 'number', cell: 'NaN', value: 'NaN' },
      { kind: 'date', cell: '2026-07-01', value: new Date('2026-07-01T00:00:00Z') },
      { kind: 'date', cell: '2026-07-01 06:30:15', value: new Date('2026-07-01T06:30:15Z') },
      { kind: 'date', cell: '1900-03-01', value: new Date('1900-03-01T00:00:00Z') },
      { kind: 'date', cell: '1899-12-31', value: '1899-12-31' },
      { kind: 'date', cell: 'infinity', value: 'infinity' },
      { kind: 'instant', cell: '2026-07-01 04:30:00+00', value: new Date('2026-07-01T06:30:00Z') },
    ] as { kind: SqlColumn['kind']; cell: SqlCell; value: unknown }[])
    .run(async ({ assert }, { kind, cell, value }) => {
      const workbook = await workbookOf([['Sheet1', [{ name: 'A', kind }], [[cell]]]])
      const sheet = workbook.getWorksheet('Sheet1')!
      assert.equal(sheet.getCell('A1').value, 'A')
      assert.deepEqual(sheet.getCell('A2').value, value as never)
    })

  test('texts are what they were: {$self}')
    .with([
      `<b> & "quoted" 'text' </b> ]]>`,
      '  spaces around  ',
      'two\nlines\tand a tab',
      'Größe 漢字 😀',
    ])
    .run(async ({ assert }, cell) => {
      const workbook = await workbookOf([['Sheet1', [{ name: cell, kind: 'text' }], [[cell]]]])
      const column = workbook.worksheets[0].getColumn(1)
      assert.deepEqual(column.values.slice(1), [cell, cell])
    })

  test('what XML cannot hold is written as Excel writes it', async ({ assert }) => {
    const rows = [['a\u0000b\u001Fc\r\n\uFFFE'], ['_x0041_ _x41_'], ['half \uD83D of a pair']]
    const workbook = await workbookOf([['Sheet1', TEXT, rows]])
    // exceljs leaves the escapes alone
    assert.deepEqual(workbook.worksheets[0].getColumn(1).values.slice(2), [
      'a_x0000_b_x001F_c_x000D_\n_xFFFE_',
      '_x005F_x0041_ _x41_',
      'half \uFFFD of a pair',
    ])
  })

  test('a cell has at most 32,767 characters', async ({ assert }) => {
    const workbook = await workbookOf([['Sheet1', TEXT, [['x'.repeat(40_000)]]]])
    assert.lengthOf(workbook.worksheets[0].getCell('A2').text, 32_767)
  })

  test('columns beyond Z keep their place, and dates their format', async ({ assert }) => {
    const columns = Array.from({ length: 704 }, (_, at): SqlColumn => ({
      name: `C${at}`,
      kind: at === 703 ? 'date' : 'text',
    }))
    const row = columns.map(({ kind }, at) => (kind === 'date' ? '2026-07-01' : at))
    const workbook = await workbookOf([['Sheet1', columns, [row]]])
    const sheet = workbook.worksheets[0]
    assert.deepEqual([sheet.getCell('Z2').value, sheet.getCell('AA2').value], [25, 26])
    assert.equal(sheet.getCell('ZZ2').value, 701)
    assert.equal(sheet.getCell('AAB2').numFmt, 'yyyy-mm-dd hh:mm:ss')
    assert.isAtLeast(sheet.getColumn('AAB').width!, 19)
  })

  test('names of sheets are those that Excel takes', async ({ assert }) => {
    const long = 'sales of the year by customer and region'
    const names = ['a/b:c[d]', 'SALES', 'Sales', `'quoted'`, 'P&L <1>', ' ', long, long]
    const workbook = await workbookOf(names.map((name) => [name, TEXT, []]))
    assert.deepEqual(
      workbook.worksheets.map(({ name }) => name),
      [
        ...['a_b_c_d_', 'SALES', 'Sales (2)', '_quoted_', 'P&L <1>', 'Sheet'],
        ...['sales of the year by customer a', 'sales of the year by custom (2)'],
      ]
    )
  })

  test('a sheet that is full is followed by another one, with a header of its own', async ({
    assert,
  }) => {
    const rows = Array.from({ length: 5 }, (_, at) => [at])
    const workbook = await workbookOf([['All', TEXT, rows]], 3)
    const values = workbook.worksheets.map((sheet) => [
      sheet.name,
      sheet.getColumn(1).values.slice(1),
    ])
    assert.deepEqual(values, [
      ['All', ['NOTE', 0, 1]],
      ['All (2)', ['NOTE', 2, 3]],
      ['All (3)', ['NOTE', 4]],
    ])
  })

  test('without a header the first row is data; without rows a sheet is empty', async ({
    assert,
  }) => {
    const sheets: SheetRows[] = [
      ['One', TEXT, [['a']]],
      ['None', TEXT, []],
    ]
    const workbook = await workbookOf(sheets, undefined, { ...OPTIONS, header: false })
    assert.equal(workbook.getWorksheet('One')!.getCell('A1').value, 'a')
    assert.equal(workbook.getWorksheet('None')!.rowCount, 0)
  })
})

test.group('Workbook | a stream', () => {
  test('that takes nothing is waited for, and none of the rows is lost', async ({ assert }) => {
    const chunks: Buffer[] = []
    const held: (() => void)[] = []
    let open = false
    const stream = new Writable({
      write(chunk, _, done) {
        chunks.push(chunk as Buffer)
        open ? done() : held.push(done)
      },
    })
    const writer = new XlsxWriter(stream, OPTIONS)
    let batches = 0
    const all = (async () => {
      await writer.begin('Sheet1', TEXT)
      for (; batches < 50; batches++) {
        await writer.rows(noise())
      }
      await writer.end()
    })()
    for (let turns = 0; turns < 3_000; turns++) {
      await setImmediate()
    }
    assert.isBelow(batches, 20)
    open = true
    held.forEach((done) => done())
    await all
    const workbook = new excel.Workbook()
    await workbook.xlsx.load(Buffer.concat(chunks) as never)
    assert.equal(workbook.worksheets[0].rowCount, 50 * 100 + 1)
  })

  test('that fails ends who is writing, with its reason', async ({ assert }) => {
    const stream = new Writable({
      write(_chunk, _, done) {
        done(new Error('the disk is full'))
      },
    })
    const writer = new XlsxWriter(stream, OPTIONS)
    const write = async () => {
      await writer.begin('Sheet1', TEXT)
      for (let batches = 0; batches < 50; batches++) {
        await writer.rows(noise())
      }
    }
    await assert.rejects(write, 'the disk is full')
  })

  test('that failed before the first row ends who begins', async ({ assert }) => {
    const stream = new PassThrough()
    const writer = new XlsxWriter(stream, OPTIONS)
    stream.destroy(new Error('the disk is gone'))
    await setImmediate()
    await assert.rejects(() => writer.begin('Sheet1', TEXT), 'the disk is gone')
  })

  test('that fails at the end fails the end', async ({ assert }) => {
    const stream = new Writable({
      write: (_chunk, _, done) => done(),
      final: (done) => done(new Error('the disk is full')),
    })
    const writer = new XlsxWriter(stream, OPTIONS)
    await writer.begin('Sheet1', TEXT)
    await assert.rejects(() => writer.end(), 'the disk is full')
  })
})
