import { pathToFileURL } from 'node:url'
import { test } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import { defineConfig as defineDrive, services } from '@adonisjs/drive'
import { defineConfig as defineMail, transports } from '@adonisjs/mail'
import type { ReportsInput } from '../../src/legacy/reports/config.ts'
import type { JsonObject } from '../../src/types/json.ts'
import { legacyKinds } from '../helpers/legacy_places.ts'
import { listen } from '../legacy/http_support.ts'
import type { AppOptions } from './app.ts'
import { boot, setup } from './legacy_app.ts'

const [sqlite] = await legacyKinds()
const SALES = { sql: 'select 1 as ID union select 2' }
const MAIL = { allow: ['*@example.com'], from: 'warehouse@example.com' }

function drive({ basePath }: FileSystem): AppOptions {
  const location = pathToFileURL(`${basePath}/disk/`)
  const served = { serveFiles: true, routeBasePath: '/files', appUrl: 'https://dw.test' } as const
  const config = defineDrive({
    default: 'reports',
    services: {
      reports: services.fs({ location, visibility: 'private', ...served }),
      silent: services.fs({ location, visibility: 'private' }),
    },
    fakes: {
      location: pathToFileURL(`${basePath}/fakes/`),
      urlBuilder: { generateURL: async (key) => `https://fake.test/${key}` },
    },
  })
  return {
    providers: [() => import('@adonisjs/drive/drive_provider')],
    config: { drive: config },
  }
}

function mail(): AppOptions {
  const smtp = () => transports.smtp({ host: '127.0.0.1', port: 1 })
  const mailers = { office: smtp(), night: smtp() }
  return {
    providers: [() => import('@adonisjs/mail/mail_provider')],
    config: { mail: defineMail({ default: 'office', mailers }) },
  }
}

/** An app whose source makes the report SALES. */
async function appWith(
  fs: FileSystem,
  given: Partial<ReportsInput>,
  packages: AppOptions[],
  environment: AppOptions['environment'] = 'console'
) {
  const reports = { define: { SALES }, ...given }
  const { warehouse, app } = await setup(
    { store: sqlite, legacy: sqlite },
    { source: { reports }, almanac: { roles: ['web', 'console'] } }
  )
  const booted = await boot(fs, {
    ...{ ...app, environment },
    providers: packages.flatMap(({ providers = [] }) => providers),
    config: Object.assign({}, ...packages.map(({ config }) => config)),
  })
  const ask = async (payload: object = {}) => {
    warehouse.insertRequest({
      REQUEST_ID: 'R 1',
      MAPREF: 'REPORT:SALES',
      REQUEST_TYPE: 'REPORT',
      PAYLOAD: JSON.stringify(payload),
    })
    await booted.start()
    await booted.almanac.once()
    const [row] = warehouse.rows<{ STATUS: string; RESULT_PAYLOAD: string }>(
      'select STATUS, RESULT_PAYLOAD from DWPRCREQ'
    )
    return { status: row.STATUS, result: JSON.parse(row.RESULT_PAYLOAD) as JsonObject }
  }
  return { ...booted, warehouse, ask }
}

test.group('Reports in an app', (group) => {
  group.tap((t) => t.timeout(20_000))

  test('lie on the disk of Drive that config names, which gives their URL', async ({
    assert,
    fs,
  }) => {
    const { app, ask } = await appWith(fs, { disk: 'reports' }, [drive(fs)])
    const manager = await app.container.make('drive.manager')
    const disk = manager.fake('reports')
    const { status, result } = await ask()
    assert.equal(status, 'DONE', JSON.stringify(result))
    const key = String(result.path)
    assert.match(key, /^reports\/SALES_[0-9a-f]{16}\.csv$/)
    assert.equal(await disk.get(key), 'ID\r\n1\r\n2\r\n')
    assert.equal(result.url, `https://fake.test/${key}`)
    manager.restore('reports')
  })

  test('that are private have a signed URL, and nobody gets them without its signature', async ({
    assert,
    fs,
  }) => {
    const { app, ask } = await appWith(fs, { disk: 'reports' }, [drive(fs)], 'web')
    const origin = await listen(app)
    const { result } = await ask()
    const url = new URL(String(result.url))
    assert.equal(url.origin, 'https://dw.test')
    const signed = await fetch(`${origin}${url.pathname}${url.search}`)
    assert.equal(signed.status, 200)
    assert.equal(await signed.text(), 'ID\r\n1\r\n2\r\n')
    const unsigned = await fetch(`${origin}${url.pathname}`)
    assert.equal(unsigned.status, 401)
  })

  test('on a disk that gives no URL are named by their path', async ({ assert, fs }) => {
    const { ask } = await appWith(fs, { disk: 'silent' }, [drive(fs)])
    const { status, result } = await ask()
    assert.equal(status, 'DONE')
    assert.match(String(result.path), /^reports\/SALES_/)
    assert.notProperty(result, 'url')
    assert.containSubset(result, { files: [{ url: null }] })
  })

  test('are mailed by the mailer that config names: {mailer}')
    .with([
      { mailer: undefined, attach: 1_000 },
      { mailer: 'night', attach: 0 },
    ])
    .run(async ({ assert, fs }, { mailer, attach }) => {
      const reports = { folder: fs.basePath, mail: { ...MAIL, mailer, attach } }
      const { app, ask } = await appWith(fs, reports, [mail()])
      const manager = await app.container.make('mail.manager')
      const use = manager.use.bind(manager)
      const used: unknown[] = []
      manager.use = ((name?: string) => {
        used.push(name)
        return use(name as never)
      }) as typeof manager.use
      const fake = manager.fake()
      const { result } = await ask({ mail_to: ['a@example.com', 'b@example.com'] })
      assert.containSubset(result, { mail: { attached: attach > 0 } })
      fake.messages.assertSentCount(1)
      const [message] = fake.messages.sent()
      message.assertTo('a@example.com')
      message.assertTo('b@example.com')
      message.assertFrom('warehouse@example.com')
      message.assertSubject('Report SALES')
      message.assertTextIncludes('Report SALES: 2 rows.')
      const attachments = message.toObject().message.attachments ?? []
      const contents = attachments.map(({ content }) =>
        Buffer.from(String(content), 'base64').toString()
      )
      assert.deepEqual(contents, attach > 0 ? ['ID\r\n1\r\n2\r\n'] : [])
      assert.deepEqual(used, [mailer])
    })

  test('that need what the app does not have say so: {title}')
    .with([
      {
        title: 'Drive',
        reports: { disk: 'reports' },
        payload: {},
        reason: /legacy\.sources\.dw\.reports\.disk.*"reports".*@adonisjs\/drive, or give a folder/,
      },
      {
        title: 'Mail',
        reports: { folder: '/tmp', mail: MAIL },
        payload: { mail_to: 'a@example.com' },
        reason: /PAYLOAD\.mail_to is given, and the app has no @adonisjs\/mail/,
      },
    ])
    .run(async ({ assert, fs }, { reports, payload, reason }) => {
      const { ask } = await appWith(fs, reports, [])
      const { status, result } = await ask(payload)
      assert.equal(status, 'FAILED')
      assert.match(String(result.message), reason)
    })
})
