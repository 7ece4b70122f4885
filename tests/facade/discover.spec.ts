import { test } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import { handlerName } from '../../src/handler.ts'
import { discoverHandlers } from '../../src/scheduler/discover.ts'

const HANDLER = 'export default class SendReportHandler { async handle() {} }'

async function write(fs: FileSystem, files: Record<string, string>) {
  for (const [path, text] of Object.entries(files)) {
    await fs.create(path, text)
  }
  return new URL('handlers', fs.baseUrl)
}

test.group('Discovery of handlers', () => {
  test('finds the default exports of a folder and its subfolders', async ({ assert, fs }) => {
    const folder = await write(fs, {
      'handlers/send_report.ts': HANDLER,
      'handlers/billing/close_month.js': 'export default class CloseMonth { handle() {} }',
      'handlers/_shared.ts': 'export const rate = 1',
      'handlers/types.d.ts': 'export interface Row {}',
      'handlers/readme.md': '# not code',
      'handlers/data.json': '{}',
    })
    const found = await discoverHandlers(folder)
    const names = found.map(({ Class }) => handlerName(Class)).sort()
    assert.deepEqual(names, ['close_month', 'send_report'])
    assert.isTrue(found.every(({ module }) => module.startsWith(folder.href)))
  })

  test('a folder that is not there holds none', async ({ assert, fs }) => {
    assert.deepEqual(await discoverHandlers(new URL('nowhere', fs.baseUrl)), [])
  })

  test('a module without a handler is named', async ({ assert, fs }) => {
    const folder = await write(fs, { 'handlers/billing/rates.ts': 'export const rate = 1' })
    await assert.rejects(
      () => discoverHandlers(folder),
      'Handler "billing/rates.ts" cannot be used: the module has no default export with a handle() method'
    )
  })

  test('a module that does not load is not passed over', async ({ assert, fs }) => {
    const folder = await write(fs, { 'handlers/broken.ts': 'throw new Error("no such table")' })
    await assert.rejects(() => discoverHandlers(folder), 'no such table')
  })
})
