import { pathToFileURL } from 'node:url'
import { text } from 'node:stream/consumers'
import { test } from '@japa/runner'
import { Disk } from 'flydrive'
import { FSDriver } from 'flydrive/drivers/fs'
import { DiskStore } from '../../src/legacy/reports/disk_store.ts'
import { FolderStore } from '../../src/legacy/reports/folder_store.ts'
import { sendReport, type ReportMail } from '../../src/legacy/reports/mail.ts'
import { fileName } from '../../src/legacy/reports/names.ts'
import type { ReportStore } from '../../src/legacy/reports/store.ts'
import type { ReportRoutesOptions } from '../../src/legacy/http/main.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { startServer } from './http_support.ts'

const NAME = fileName({ source: 'dw', requestId: 'R1', reportId: 'SALES' }, 'csv', null)

function storeIn(place: string, folder: string): ReportStore {
  const driver = new FSDriver({ location: pathToFileURL(`${folder}/`), visibility: 'private' })
  return place === 'a folder'
    ? new FolderStore(folder)
    : new DiskStore(new Disk(driver), 'reports/')
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
  },
  ['sqlite']
)
