import { pathToFileURL } from 'node:url'
import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import { test } from '@japa/runner'
import { Disk } from 'flydrive'
import { FSDriver } from 'flydrive/drivers/fs'
import { DiskStore, type Disk as DiskPort } from '../../src/legacy/reports/disk_store.ts'
import { FolderStore } from '../../src/legacy/reports/folder_store.ts'
import { sendReport, type ReportMail } from '../../src/legacy/reports/mail.ts'
import { Production } from '../../src/legacy/reports/production.ts'
import { fileName } from '../../src/legacy/reports/names.ts'
import { FORMATS, type ReportFormat } from '../../src/legacy/reports/request.ts'
import type { ReportStore } from '../../src/legacy/reports/store.ts'
import type { ReportRoutesOptions } from '../../src/legacy/http/main.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { startServer } from './http_support.ts'

const NAME = fileName({ source: 'dw', requestId: 'R1', reportId: 'SALES' }, 'csv', null)

function storeIn(place: string, folder: string): ReportStore {
  const driver = new FSDriver({ location: pathToFileURL(`${folder}/`), visibility: 'private' })
  return place === 'a folder'
    ? new FolderStore(folder)
    : new DiskStore(new Disk(driver), 'reports/', { signedFor: 60_000 })
}

async function made(store: ReportStore, name = NAME) {
  const file = await store.create(name)
  file.stream.write('a,b\r\n')
  file.stream.end('1,2\r\n')
  return file.commit()
}

test.group('Reports | where their files are', () => {
  test('a file on {$self} is there when it is whole, and expires')
    .with(['a folder', 'a disk of Drive'])
    .run(async ({ assert, fs }, place) => {
      const store = storeIn(place, fs.basePath)
      const file = await store.create(NAME)
      file.stream.write('half')
      assert.isNull(await store.open(NAME))
      await file.discard()
      assert.isNull(await store.open(NAME))

      const { bytes } = await made(store)
      assert.equal(bytes, 10)
      const stored = await store.open(NAME)
      assert.equal(await text(stored!.stream), 'a,b\r\n1,2\r\n')
      assert.isNull(await store.open('../secret.csv'))
      assert.equal(await store.expire(Date.now() - 60_000), 0)
      assert.equal(await store.expire(Date.now() + 60_000), 1)
      assert.isNull(await store.open(NAME))
    })

  test('what is no report is left alone when reports expire', async ({ assert, fs }) => {
    await fs.create('notes.csv', 'mine')
    assert.equal(await new FolderStore(fs.basePath).expire(Date.now() + 60_000), 0)
    assert.isTrue(await fs.exists('notes.csv'))
  })

  test('a mail has small files attached, and names large ones: {attach}')
    .with([{ attach: 1_000 }, { attach: 5 }])
    .run(async ({ assert, fs }, { attach }) => {
      const store = new FolderStore(fs.basePath)
      const { path, bytes } = await made(store)
      const files = [{ name: NAME, sheet: 'Sheet1', path, url: null, rows: 1, bytes }]
      const produced = { files, rows: 1, bytes, limited: false, inline: null }
      const mails: ReportMail[] = []
      const mail = { allows: () => true, mailer: null, from: 'a@b.c', attach }
      const send = async (one: ReportMail) => void mails.push(one)
      const told = await sendReport({ mail, send, store }, ['x@y.z'], 'SALES', produced)
      assert.deepEqual(told, { to: ['x@y.z'], attached: attach > bytes })
      const contents = mails[0].attachments.map(({ content }) => content.toString())
      assert.deepEqual(contents, attach > bytes ? ['a,b\r\n1,2\r\n'] : [])
      assert.include(mails[0].text, attach > bytes ? NAME : path!)
      const refuses = async () => Promise.reject(new Error('no relay'))
      const failed = await sendReport({ mail, send: refuses, store }, ['x@y.z'], 'SALES', produced)
      assert.deepEqual(failed, { to: ['x@y.z'], error: 'no relay' })
    })
})

/** A report of two SELECTs with so many rows each; `read` is called after the last of each. */
function produce(
  store: ReportStore,
  format: ReportFormat,
  rows: number,
  { signal, read }: { signal?: AbortSignal; read?: () => unknown } = {}
): Promise<unknown> {
  const batch = Array.from({ length: rows }, (_, at) => [at])
  const reader = {
    select: async () => ({
      columns: [{ name: 'N', kind: 'number' as const }],
      batches: (async function* () {
        yield batch
        read?.()
      })(),
    }),
  }
  const production = new Production({
    session: { readOnly: (work: (of: typeof reader) => unknown) => work(reader) } as never,
    store,
    reports: {
      inlineRows: 0,
      csv: { delimiter: ',', guardFormulas: true, bom: false },
      url: { from: 'nowhere' },
    } as never,
    wallClock: {} as never,
    context: {
      signal: signal ?? new AbortController().signal,
      progress: () => {},
      logger: {} as never,
    },
    identity: { source: 'dw', requestId: 'R1', reportId: 'SALES' },
  })
  const select = { sheet: 'Sheet', sql: 'select N', bindings: [], statement: null as never }
  return production.run({ sql: '', format, rowLimit: 10, header: true }, [select, select])
}

interface Fault {
  fails: 'putStream' | 'move' | 'getMetaData'
  nth: number
  rows: number
}

/** A disk in memory, on which one call fails. */
function failingDisk({ fails, nth }: Fault) {
  const files = new Set<string>()
  let calls = 0
  const call = (name: Fault['fails']) => {
    if (name === fails && ++calls === nth) {
      throw new Error(`no ${name}`)
    }
  }
  const disk: Partial<DiskPort> = {
    async putStream(key, contents) {
      call('putStream')
      contents.resume()
      await finished(contents)
      files.add(key)
    },
    async move(from, to) {
      call('move')
      files.delete(from)
      files.add(to)
    },
    async getMetaData() {
      call('getMetaData')
      return { contentLength: 1, lastModified: new Date(0) }
    },
    delete: async (key) => void files.delete(key),
  }
  return { files, store: new DiskStore(disk as DiskPort, 'reports/', { signedFor: null }) }
}

const FIRST: Fault[] = [
  { fails: 'putStream', nth: 1, rows: 0 },
  { fails: 'putStream', nth: 1, rows: 3 },
  { fails: 'move', nth: 1, rows: 3 },
  { fails: 'getMetaData', nth: 1, rows: 3 },
]
/** A workbook is one file. */
const SECOND: Fault[] = [
  { fails: 'putStream', nth: 2, rows: 3 },
  { fails: 'move', nth: 2, rows: 3 },
]

test.group('Reports | a place that fails half-way', () => {
  for (const format of FORMATS) {
    test(`leaves no file of a ${format}, and ends nobody else: {fails} {nth}, {rows} rows`)
      .with(format === 'xlsx' ? FIRST : [...FIRST, ...SECOND])
      .run(async ({ assert }, fault) => {
        const { files, store } = failingDisk(fault)
        await assert.rejects(() => produce(store, format, fault.rows), `no ${fault.fails}`)
        assert.isEmpty([...files])
      })
  }

  test('none is left of one that was stopped as its last row came: {$self}')
    .with(['csv', 'xlsx'] as const)
    .run(async ({ assert, fs }, format) => {
      const stop = new AbortController()
      let left = 2
      const read = () => --left === 0 && stop.abort('cancelled')
      const store = new FolderStore(fs.basePath)
      const report = produce(store, format, 3, { signal: stop.signal, read })
      assert.equal(await report.catch((reason: unknown) => reason), 'cancelled')
      assert.isEmpty(await fs.readDir(''))
    })

  test('leaves none in a folder either', async ({ assert, fs }) => {
    const blocked = fileName({ source: 'dw', requestId: 'R1', reportId: 'SALES' }, 'csv', 2)
    await fs.mkdir(blocked)
    await assert.rejects(() => produce(new FolderStore(fs.basePath), 'csv', 3), /EISDIR|ENOTDIR/)
    assert.deepEqual(await fs.readDir('').then((found) => found.map(({ path }) => path)), [])
  })
})

legacyGroup(
  'Reports | downloads',
  () => {
    test('are for those whom the authorizer lets: {title}')
      .with([
        { title: 'no authorizer', authorize: undefined, status: 403 },
        { title: 'one that says no', authorize: () => false, status: 403 },
        {
          title: 'one that throws',
          authorize: () => {
            throw new Error('no session')
          },
          status: 403,
        },
        { title: 'one that says yes', authorize: () => true, status: 200 },
      ])
      .run(async ({ assert, fs }, { authorize, status }) => {
        const source = { reports: { folder: fs.basePath } }
        const options: ReportRoutesOptions = { prefix: '/warehouse', authorize }
        const { warehouse, origin } = await startServer(fs, {}, { source, reports: options })
        const { path } = await made(new FolderStore(fs.basePath))
        const result = { report: 'SALES', files: [{ name: NAME, path }] }
        warehouse.insertRequest({
          REQUEST_ID: 'R1',
          MAPREF: 'REPORT:SALES',
          REQUEST_TYPE: 'REPORT',
          STATUS: 'DONE',
          RESULT_PAYLOAD: JSON.stringify(result),
        })
        const answer = await fetch(`${origin}/warehouse/reports/R1`)
        assert.equal(answer.status, status)
        const body = await answer.text()
        if (status === 200) {
          assert.equal(body, 'a,b\r\n1,2\r\n')
          assert.include(answer.headers.get('content-disposition')!, NAME)
          const second = await fetch(`${origin}/warehouse/reports/R1/1`)
          assert.equal(second.status, 404)
        }
        const unknown = await fetch(`${origin}/warehouse/reports/R2`)
        assert.equal(unknown.status, 403)
      })

    test('that fail answer as all old routes do: what the database says is in the log alone', async ({
      assert,
      fs,
    }) => {
      const reports: ReportRoutesOptions = { authorize: () => true }
      const { warehouse, get } = await startServer(fs, {}, { reports })
      const opened = await get('/reports/R1')
      assert.equal(opened.status, 403)
      warehouse.execute('drop table DWPRCREQ')
      const { status, body, text: answer } = await get('/reports/R1')
      assert.equal(status, 500)
      assert.isFalse(body.success)
      assert.match(body.message, /the log of the server says why/)
      assert.notMatch(answer, /DWPRCREQ|select/i)
    })
  },
  ['sqlite']
)
