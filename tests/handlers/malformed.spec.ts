import { test } from '@japa/runner'
import { SystemClock } from '../../src/clock.ts'
import { E_INVALID_CONFIG, E_INVALID_INPUT } from '../../src/errors.ts'
import { aceHandler } from '../../src/handlers/ace/handler.ts'
import { cleanupHandler } from '../../src/handlers/cleanup/handler.ts'
import { httpHandler } from '../../src/handlers/http/handler.ts'
import { processHandler } from '../../src/handlers/process/handler.ts'
import { sqlHandler } from '../../src/handlers/sql/handler.ts'
import { Failed } from '../../src/jobs/outcome.ts'
import type { HandlerFunction } from '../../src/types/handlers.ts'
import { Attempt, read, ROOT } from './support.ts'

const clock = new SystemClock()
const never = () => {
  throw new Error('a malformed payload must reach nothing')
}
const config = read({
  builtIn: {
    ace: { commands: ['cache:clear'] },
    process: {
      commands: {
        dump: '/usr/bin/pg_dump',
        fixed: { path: '/bin/date', accept: false },
        day: { path: '/bin/date', accept: /\d{4}-\d\d/ },
      },
    },
    http: {
      hosts: ['api.example.com'],
      secrets: { TOKEN: { value: 'sesame', hosts: ['api.example.com'] } },
      timeout: '10s',
      maxRedirects: 2,
    },
    sql: { connections: ['main', 'other'], statements: { purge: 'delete from t' } },
    cleanup: { folders: { reports: 'tmp/reports' } },
  },
})
const HANDLERS: Record<string, HandlerFunction> = {
  ace: aceHandler({ config: config.ace!, clock, env: {}, root: ROOT }),
  process: processHandler({ config: config.process!, clock, env: {} }),
  http: httpHandler({ config: config.http!, clock, resolve: never }),
  sql: sqlHandler({ config: config.sql!, sessionOf: never }),
  cleanup: cleanupHandler({ config: config.cleanup!, clock }),
}
const url = 'https://api.example.com/'

/** Handler, payload, and the fields that must be named, in order. */
const PAYLOADS: [handler: string, payload: unknown, fields: string[]][] = [
  ['ace', null, ['payload', 'command']],
  ['ace', 'cache:clear', ['payload', 'command']],
  ['ace', ['cache:clear'], ['payload', 'command']],
  ['ace', {}, ['command']],
  ['ace', { command: 'db:wipe' }, ['command']],
  ['ace', { command: 'cache:clear', args: '--all' }, ['args']],
  ['ace', { command: 'cache:clear', args: [1, 'ok', null] }, ['args[0]', 'args[2]']],
  ['ace', { command: 'constructor', arg: [] }, ['command', 'arg']],
  ['process', { command: '/usr/bin/pg_dump' }, ['command']],
  ['process', { command: ['dump'] }, ['command']],
  ['process', { command: 'dump', args: ['a\0b'] }, ['args[0]']],
  ['process', { command: 'dump', args: Array(257).fill('a') }, ['args']],
  ['process', { command: 'dump', args: ['x'.repeat(32_769)] }, ['args[0]']],
  ['process', { command: 'dump', env: { A: '1' }, cwd: '/', shell: true }, ['env', 'cwd', 'shell']],
  ['process', { command: 'fixed', args: ['-s'] }, ['args[0]']],
  ['process', { command: 'day', args: ['2026-01', '-s', '2026-01\n-s'] }, ['args[1]', 'args[2]']],
  ['http', {}, ['url']],
  ['http', { url: 7 }, ['url']],
  ['http', { url: 'api.example.com' }, ['url']],
  ['http', { url: 'file:///etc/passwd' }, ['url']],
  ['http', { url: 'https://evil.example.com/' }, ['url']],
  ['http', { url: 'https://api.example.com:8443/' }, ['url']],
  ['http', { url: 'https://api.example.com.evil.net/' }, ['url']],
  ['http', { url: 'https://user:pass@api.example.com/' }, ['url']],
  ['http', { url, method: 'TRACE' }, ['method']],
  ['http', { url, json: 1 }, ['method']],
  ['http', { url, method: 'POST', json: 1, body: 'x' }, ['body']],
  ['http', { url, method: 'POST', body: { a: 1 } }, ['body']],
  ['http', { url, headers: ['a'] }, ['headers']],
  ['http', { url, headers: { Authorization: 'Bearer x' } }, ['headers.authorization']],
  ['http', { url, headers: { cookie: 'a=b', host: 'x' } }, ['headers.cookie', 'headers.host']],
  ['http', { url, headers: { 'a b': 'c', 'x': 'a\r\nb' } }, ['headers.a b', 'headers.x']],
  ['http', { url, headers: { a: { secret: 'NONE' } } }, ['headers.a']],
  [
    'http',
    { url, headers: { 'X-Trace': '1', 'x-trace': '2', 'b': { secret: 'TOKEN' }, 'B': '3' } },
    ['headers.x-trace', 'headers.B'],
  ],
  [
    'http',
    { url, headers: { a: { secret: 'TOKEN', value: 'x' }, b: 1 } },
    ['headers.a', 'headers.b'],
  ],
  ['http', { url, expect: 99 }, ['expect']],
  ['http', { url, expect: [] }, ['expect']],
  ['http', { url, timeout: '11s', redirects: 3 }, ['timeout', 'redirects']],
  [
    'http',
    { url, timeout: 'soon', redirects: -1, keepBody: 'no' },
    ['timeout', 'redirects', 'keepBody'],
  ],
  ['sql', { statement: 'purge' }, ['connection']],
  ['sql', { connection: 'secret', statement: 'purge' }, ['connection']],
  ['sql', { connection: 'main' }, ['statement']],
  ['sql', { connection: 'main', statement: 'delete from t' }, ['statement']],
  ['sql', { connection: 'main', text: 'delete from t' }, ['text']],
  ['sql', { connection: 'main', statement: 'purge', text: 'x' }, ['text', 'text']],
  ['sql', { connection: 'main', statement: 'purge', binds: 'a' }, ['binds']],
  ['sql', { connection: 'main', statement: 'purge', binds: [{}, [1]] }, ['binds.0', 'binds.1']],
  ['sql', { connection: 'main', statements: [] }, ['statements']],
  [
    'sql',
    { connection: 'main', statements: [1, { statement: 'x', y: 1 }] },
    ['statements[0]', 'statements[0].statement', 'statements[1].statement', 'statements[1].y'],
  ],
  [
    'sql',
    { connection: 'main', statements: [{ statement: 'purge' }], statement: 'purge' },
    ['statement'],
  ],
  ['cleanup', {}, ['folder', 'olderThan']],
  ['cleanup', { folder: 'reports' }, ['olderThan']],
  ['cleanup', { folder: 'report', olderThan: '7d' }, ['folder']],
  ['cleanup', { folder: '../etc', olderThan: '7d' }, ['folder']],
  ['cleanup', { folder: 'reports', olderThan: 'old' }, ['olderThan']],
  ['cleanup', { folder: 'reports', olderThan: '600000w' }, ['olderThan']],
  ['cleanup', { folder: 'reports', olderThan: 0, maxBytes: -1 }, ['olderThan', 'maxBytes']],
  ['cleanup', { folder: 'reports', maxBytes: '1 GB', dryRun: 'yes' }, ['maxBytes', 'dryRun']],
  [
    'cleanup',
    { folder: 'reports', maxBytes: 1, match: ['../*', '/etc/*', ''] },
    ['match[0]', 'match[1]', 'match[2]'],
  ],
  [
    'cleanup',
    { folder: 'reports', maxBytes: 1, match: ['*a*a*a*a', '{a,b}', '+(a)'] },
    ['match[0]', 'match[1]', 'match[2]'],
  ],
  ['cleanup', { folder: 'reports', maxBytes: 1, match: '*.csv' }, ['match']],
]

test.group('Built-in handlers | malformed payloads', () => {
  for (const [name, payload, fields] of PAYLOADS) {
    const title = JSON.stringify(payload).slice(0, 90)
    test(`${name} refuses ${title} for good, naming ${fields.join(', ')}`, async ({ assert }) => {
      const { error } = await new Attempt(HANDLERS[name], payload).done
      assert.instanceOf(error, Failed)
      assert.instanceOf(error.cause, E_INVALID_INPUT)
      assert.sameMembers(
        error.cause.problems.map(({ field }: { field: string }) => field),
        fields
      )
      assert.include(error.message, `The payload of "almanac.${name}" is not valid`)
      assert.isTrue(error.cause.problems.every((each: { message: string }) => each.message !== ''))
    })
  }

  test('what may be a credential is not repeated', async ({ assert }) => {
    const payload = { url: 'https://u:w0rd@api.example.com/', headers: { cookie: 'sid=s3cret' } }
    const { error } = await new Attempt(HANDLERS.http, payload).done
    assert.notMatch(error.message, /w0rd|s3cret/)
  })

  test('a name that is nearly right is guessed', async ({ assert }) => {
    const { error } = await new Attempt(HANDLERS.ace, { command: 'cache:clean' }).done
    assert.include(error.message, 'did you mean "cache:clear"?')
  })
})

const http = (more: object) => ({ builtIn: { http: { hosts: ['a.test'], ...more } } })
const program = (more: object) => ({ builtIn: { process: { commands: ['/bin/true'], ...more } } })
const chore = (more: object) => ({ cleanup: [{ folder: 'tmp/x', olderThan: '1d', ...more }] })
const secret = (more: object) =>
  http({ secrets: { A: { value: 'sesame', hosts: ['a.test'], ...more } } })

const SETTINGS: [key: string, keys: object][] = [
  ['builtIn', { builtIn: [] }],
  ['builtIn.htpp', { builtIn: { htpp: {} } }],
  ['builtIn.ace.commands', { builtIn: { ace: {} } }],
  ['builtIn.ace.commands', { builtIn: { ace: { commands: ['--help'] } } }],
  ['builtIn.ace.comands', { builtIn: { ace: { commands: ['a'], comands: [] } } }],
  ['builtIn.process.commands', { builtIn: { process: {} } }],
  ['builtIn.process.commands', { builtIn: { process: { commands: ['pg_dump'] } } }],
  ['builtIn.process.commands.dump', { builtIn: { process: { commands: { dump: 'pg_dump' } } } }],
  ['builtIn.process.commands.dump.path', { builtIn: { process: { commands: { dump: {} } } } }],
  [
    'builtIn.process.commands.d.accept',
    { builtIn: { process: { commands: { d: { path: '/d', accept: 'x' } } } } },
  ],
  [
    'builtIn.process.commands.d.args',
    { builtIn: { process: { commands: { d: { path: '/d', args: [1] } } } } },
  ],
  ['builtIn.process.retryExitCodes', program({ retryExitCodes: [0] })],
  ['builtIn.process.grace', program({ grace: 'soon' })],
  ['builtIn.process.maxOutput', program({ maxOutput: -1 })],
  ['builtIn.process.passEnv', program({ passEnv: 'PATH' })],
  ['builtIn.process.env.A', program({ env: { A: 1 } })],
  ['builtIn.process.env.A=B', program({ env: { 'A=B': 'x' } })],
  ['builtIn.process.secretEnv.A', program({ secretEnv: { A: 'sesame\0open' } })],
  ['builtIn.process.options.priority', program({ options: { priority: 11 } })],
  ['builtIn.process.options.retries', program({ options: { retries: 3 } })],
  ['builtIn.http.hosts', { builtIn: { http: {} } }],
  ['builtIn.http.hosts', http({ hosts: ['https://a.test'] })],
  ['builtIn.http.hosts', http({ hosts: ['a.test:99999'] })],
  ['builtIn.http.hosts', http({ hosts: ['*'] })],
  ['builtIn.http.privateNetworks', http({ privateNetworks: ['10.0.0.0/33'] })],
  ['builtIn.http.privateNetworks', http({ privateNetworks: ['intern'] })],
  ['builtIn.http.maxRedirects', http({ maxRedirects: 21 })],
  ['builtIn.http.secrets.A.value', secret({ value: undefined })],
  ['builtIn.http.secrets.A.value', secret({ value: 'sesame\nopen' })],
  ['builtIn.http.secrets.A.hosts', secret({ hosts: undefined })],
  ['builtIn.http.secrets.A.plain', secret({ plain: 'yes' })],
  ['builtIn.sql.connections', { builtIn: { sql: {} } }],
  ['builtIn.sql.connections', { builtIn: { sql: { connections: [] } } }],
  [
    'builtIn.sql.statements.a',
    { builtIn: { sql: { connections: ['a'], statements: { a: ' ' } } } },
  ],
  ['builtIn.sql.allowText', { builtIn: { sql: { connections: ['a'], allowText: 1 } } }],
  ['builtIn.cleanup.folders.a', { builtIn: { cleanup: { folders: { a: '' } } } }],
  ['builtIn.cleanup.folders.a', { builtIn: { cleanup: { folders: { a: '.' } } } }],
  ['builtIn.cleanup.folders.a', { builtIn: { cleanup: { folders: { a: '/' } } } }],
  ['builtIn.cleanup.folders.a', { builtIn: { cleanup: { folders: { a: '..' } } } }],
  ['cleanup', { cleanup: {} }],
  ['cleanup[0].folder', { cleanup: [{ olderThan: '1d' }] }],
  ['cleanup[0].olderThan', { cleanup: [{ folder: 'tmp/x' }] }],
  ['cleanup[0].match', chore({ match: ['../*'] })],
  ['cleanup[0].every', chore({ every: '7m' })],
  ['cleanup[0].age', chore({ age: '7d' })],
]

test.group('Built-in handlers | malformed config', () => {
  for (const [key, keys] of SETTINGS) {
    test(`${key} is named: ${JSON.stringify(keys).slice(0, 100)}`, ({ assert }) => {
      const error = thrownBy(() => read(keys))
      assert.instanceOf(error, E_INVALID_CONFIG)
      assert.include(error.message, `config/almanac.ts: ${key} is `)
      assert.notInclude(error.message, 'sesame')
    })
  }

  test('without keys nothing is on', ({ assert }) => {
    const { chores, ...handlers } = read({})
    assert.deepEqual(chores, [])
    assert.isTrue(Object.values(handlers).every((one) => one === undefined))
  })
})

function thrownBy(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was refused')
}
