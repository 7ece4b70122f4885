import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '@japa/runner'
import { bootApp, type AppOptions } from '../provider/app.ts'
import type { FileSystem } from '@japa/file-system'

const ACE = `
console.log('ran', process.argv.slice(2).join(' '), process.cwd())
process.exit(process.argv[2] === 'fail:it' ? 4 : 0)`

async function boot(fs: FileSystem, almanac: AppOptions['almanac']) {
  const booted = await bootApp(fs, { almanac })
  await booted.start()
  const run = async (handler: string, payload: object) => {
    const { id } = await booted.almanac.enqueue(handler, payload as never)
    await booted.almanac.runOnce()
    const [execution, logs] = await Promise.all([
      booted.almanac.executions.get(id),
      booted.almanac.executions.logs(id),
    ])
    return { execution, messages: logs.map(({ message }) => message) }
  }
  return { ...booted, run }
}

test.group('Built-in handlers | in an app', () => {
  test('none is there until config opens it', async ({ assert, fs }) => {
    const { almanac } = await boot(fs, {})
    assert.deepEqual(
      almanac.handlers.names().filter((name) => name.startsWith('almanac.')),
      []
    )
    await assert.rejects(() => almanac.enqueue('almanac.process', {}), /No handler is registered/)
  })

  test('each is there once it is', async ({ assert, fs }) => {
    const { almanac } = await boot(fs, {
      builtIn: {
        ace: { commands: ['list'], options: { queue: 'ace', timeout: '1m', retry: false } },
        process: { commands: ['/bin/true'] },
        http: { hosts: ['a.test'] },
        sql: { connections: ['primary'] },
        cleanup: { folders: { tmp: 'tmp' } },
      },
    })
    const names = ['ace', 'cleanup', 'http', 'process', 'sql'].map((name) => `almanac.${name}`)
    assert.includeMembers(almanac.handlers.names(), names)
    const ace = almanac.handlers.get('almanac.ace')
    assert.containSubset(ace, { queue: 'ace', timeout: 60_000, retry: { retries: 0 } })
  })

  test('ace runs a command of the app from its root', async ({ assert, fs }) => {
    await fs.create('ace.js', ACE)
    await fs.create('package.json', '{"type":"module"}')
    const { run } = await boot(fs, { builtIn: { ace: { commands: ['mail:send', 'fail:it'] } } })
    const good = await run('almanac.ace', { command: 'mail:send', args: ['--to', 'a b'] })
    assert.containSubset(good.execution, { state: 'succeeded', result: { exitCode: 0 } })
    assert.equal(good.messages[0], `ran mail:send --to a b ${fs.basePath.replace(/\/$/, '')}`)
    const bad = await run('almanac.ace', { command: 'fail:it' })
    assert.containSubset(bad.execution, { state: 'failed', failures: 1, result: { exitCode: 4 } })
    assert.equal(bad.execution?.error?.message, 'ace fail:it ended with code 4')
  })

  test('a malformed payload is failed, and not tried again', async ({ assert, fs }) => {
    const { run } = await boot(fs, { builtIn: { ace: { commands: ['a'] } } })
    const { execution } = await run('almanac.ace', { command: 'b', arg: 1 })
    assert.containSubset(execution, { state: 'failed', attempt: 1 })
    assert.equal(execution?.error?.cause?.code, 'E_INVALID_INPUT')
  })

  test('sql works on a connection of the app', async ({ assert, fs }) => {
    const statements = { add: 'insert into t values (:a)' }
    const { app, run } = await boot(fs, {
      builtIn: { sql: { connections: ['primary'], statements } },
    })
    const db = await app.container.make('lucid.db')
    await db.rawQuery('create table t (a integer)')
    const { execution } = await run('almanac.sql', { statement: 'add', binds: { a: 5 } })
    assert.containSubset(execution, { state: 'succeeded', result: { affected: 1 } })
    assert.deepEqual(await db.from('t').select('a'), [{ a: 5 }])
  })

  test('a connection that is not there stops the start', async ({ assert, fs }) => {
    const builtIn = { sql: { connections: ['primry'] } }
    await assert.rejects(
      () => boot(fs, { builtIn }),
      /builtIn.sql.connections is "primry"; give one of primary/
    )
  })

  test('cleanup is a chore of every working process', async ({ assert, fs }) => {
    await fs.create('tmp/reports/old.pdf', 'x')
    await fs.create('tmp/reports/new.pdf', 'x')
    const old = new Date(0)
    await utimes(join(fs.basePath, 'tmp/reports/old.pdf'), old, old)
    const { almanac } = await boot(fs, { cleanup: [{ folder: 'tmp/reports', olderThan: '30d' }] })
    await almanac.once()
    assert.deepEqual(await readdir(join(fs.basePath, 'tmp/reports')), ['new.pdf'])
    const { problems } = await almanac.status()
    assert.deepEqual(problems, [])
  })
})
