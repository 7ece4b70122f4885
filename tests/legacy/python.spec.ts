import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getActiveTest, test } from '@japa/runner'
import BetterSqlite from 'better-sqlite3'
import { SystemClock } from '../../src/clock.ts'
import { E_PYTHON_FLOW } from '../../src/errors.ts'
import { isTransient } from '../../src/legacy/connection.ts'
import { endOfThrow } from '../../src/legacy/engine/failure.ts'
import { PythonRunner } from '../../src/legacy/engine/runners/python/python_runner.ts'
import type { PythonInput } from '../../src/legacy/engine/runners/python/config.ts'
import type { RunCounts, RunnerInput } from '../../src/legacy/engine/runners/runner.ts'
import { Cancelled } from '../../src/jobs/outcome.ts'
import { isAlive } from '../helpers/processes.ts'
import { requires } from '../helpers/services.ts'
import { inputFor } from './runner_input.ts'
import { legacySource } from './support.ts'

const python = await requires('python3')
const FIXTURES = fileURLToPath(new URL('../fixtures/python', import.meta.url))
const BOOTSTRAP = new URL('../../src/legacy/engine/runners/python/bootstrap.py', import.meta.url)

/** A file that flows work on, and a runner of them. */
async function setup(config: Partial<PythonInput> = {}, env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'almanac-python-'))
  const file = join(folder, 'target.sqlite3')
  const database = new BetterSqlite(file)
  database.exec('create table T (a text)')
  getActiveTest()?.cleanup(() => {
    database.close()
    return rm(folder, { recursive: true, force: true })
  })
  const { runners } = legacySource({
    runners: {
      python: {
        interpreter: python.location,
        connections: 'almanac_test_connections',
        path: [FIXTURES],
        env: { FLOW_DATABASE: file },
        grace: 300,
        ...config,
      },
    },
  })
  const runner = new PythonRunner({
    config: runners.python!,
    clock: new SystemClock(),
    env: { ...process.env, ...env },
  })
  const run = (logic: string, given: Partial<RunnerInput> = {}) => {
    const prepared = inputFor(logic, given)
    return { ...prepared, counts: runner.run(prepared.input) }
  }
  const failure = async (logic: string, given: Partial<RunnerInput> = {}) => {
    const { counts, seen } = run(logic, given)
    const error: unknown = await counts.then(
      (value) => value,
      (thrown: unknown) => thrown
    )
    return { error: error as Error, seen }
  }
  return { database, run, failure, rows: () => database.prepare('select a from T').pluck().all() }
}

/** A flow of two parameters with this body. */
const flow = (...lines: string[]) =>
  ['def execute_job(connection, session_params):', ...lines.map((line) => `    ${line}`)].join('\n')
const RETURNED = `return {'source_rows': 1, 'target_rows': 1, 'error_rows': 0, 'status': 'SUCCESS'}`

test.group('Python flows | what they are given', (group) => {
  group.tap((each) => each.skip(!python.available, python.reason))

  test('two parameters: a connection and session_params', async ({ assert }) => {
    const { run, rows } = await setup()
    const { counts, seen } = run(
      flow(
        `given = {name: session_params[name] for name in sorted(session_params)}`,
        `connection.execute("insert into T values (?)", [session_params['param1']])`,
        `print(given)`,
        `return {'source_rows': 3, 'target_rows': 2, 'error_rows': 1, 'status': 'SUCCESS'}`
      ),
      { requestParams: { param1: '01-Mar-2026', region: 'Ü' } }
    )
    assert.deepEqual(await counts, { sourceRows: 3, targetRows: 2, errorRows: 1 })
    const none = [4, 5, 6, 7, 8, 9].map((index) => `'param${index}': None`).join(', ')
    assert.deepEqual(seen.logs, [
      `{'mapref': 'FACT_SALES', 'param1': '01-Mar-2026', 'param10': None, 'param2': '3', 'param3': None, ${none}, 'prcid': 7, 'request_params': {'param1': '01-Mar-2026', 'region': 'Ü'}, 'sessionid': 42}`,
    ])
    assert.deepEqual(rows(), ['01-Mar-2026'])
  })

  test('three: metadata, target and session_params; four: the source between them', async ({
    assert,
  }) => {
    const { run } = await setup()
    const three = run(
      `def execute_job(meta, tgt, params):\n  print(type(meta).__name__, tgt)\n  ${RETURNED}`
    )
    await three.counts
    assert.deepEqual(three.seen.logs, ['Connection target'])
    const four = run(
      `async def execute_job(metadata, source, target, session_params, chunk=5):\n  print(source, target, chunk)\n  ${RETURNED}`
    )
    await four.counts
    assert.deepEqual(four.seen.logs, ['source of FACT_SALES target 5'])
  })

  test('what is not committed is, with a success, and taken back with a failure', async ({
    assert,
  }) => {
    const { run, failure, rows } = await setup()
    const insert = `connection.execute("insert into T values ('x')")`
    await run(flow(insert, RETURNED)).counts
    assert.deepEqual(rows(), ['x'])
    await failure(flow(insert, 'raise ValueError()'))
    await failure(flow(insert, `return {'status': 'FAILED'}`))
    await failure(flow(insert, 'return 5'))
    assert.deepEqual(rows(), ['x'])
    // One that the flow has closed itself is its own affair
    await run(flow(insert, 'connection.commit()', 'connection.close()', RETURNED)).counts
    assert.deepEqual(rows(), ['x', 'x'])
  })

  test('the environment is what config allows, and the code is in no argument', async ({
    assert,
  }) => {
    const { run } = await setup(
      { passEnv: ['PATH', 'ALLOWED'], secretEnv: { API_KEY: 'very-secret' } },
      { ALLOWED: 'yes', FORBIDDEN: 'no', PYTHONPATH: '/elsewhere' }
    )
    const { counts, seen } = run(
      [
        'import os, sys',
        flow(
          `print(sorted(set(os.environ) - {'LC_CTYPE', 'NODE_V8_COVERAGE'}))`,
          `print(os.environ['API_KEY'])`,
          `print(open('/proc/self/cmdline').read().replace(chr(0), ' '))`,
          `print([path for path in sys.path if 'elsewhere' in path or 'engine' in path])`,
          RETURNED
        ),
      ].join('\n')
    )
    await counts
    const [names, secret, command, paths] = seen.logs
    const expected = ['ALLOWED', 'ALMANAC_EXECUTION', 'API_KEY', 'FLOW_DATABASE', 'PATH']
    assert.equal(names, `['${expected.join(`', '`)}']`)
    assert.equal(secret, '[secret]')
    assert.notInclude(command, 'execute_job')
    assert.match(command, /bootstrap\.py/)
    assert.equal(paths, '[]')
  })

  test('its position is asked for and told while it runs', async ({ assert }) => {
    const { run, failure } = await setup()
    const saved: unknown[] = []
    const checkpoint = {
      load: async () => ['A', 7],
      save: async (value: unknown) => {
        if (value === 'bad') {
          throw new Error('too long')
        }
        saved.push(value)
      },
      complete: async () => void saved.push('complete'),
    }
    const lines = [
      `checkpoint = session_params.checkpoint`,
      `print(checkpoint.load())`,
      `checkpoint.save(('B', 8))`,
      `checkpoint.save(500)`,
      `checkpoint.complete()`,
    ]
    const { counts, seen } = run(flow(...lines, RETURNED), { checkpoint })
    await counts
    assert.deepEqual(seen.logs, [`['A', 7]`])
    assert.deepEqual(saved, [['B', 8], 500, 'complete'])
    const { error } = await failure(flow(`session_params.checkpoint.save('bad')`), { checkpoint })
    assert.equal(error.message, 'CheckpointError: too long')
  })

  test('the bootstrap is Python 3.8', async ({ assert }) => {
    const source = await readFile(BOOTSTRAP, 'utf8')
    const { run } = await setup()
    const check = flow(
      `import ast`,
      `ast.parse(${JSON.stringify(source)}, feature_version=(3, 8))`,
      RETURNED
    )
    assert.deepEqual(await run(check).counts, { sourceRows: 1, targetRows: 1, errorRows: 0 })
  })
})

test.group('Python flows | what they print', (group) => {
  group.tap((each) => each.skip(!python.available, python.reason))

  test('is the log, in lines, while they run', async ({ assert }) => {
    const { run } = await setup()
    const first = Promise.withResolvers<void>()
    const { input, seen } = inputFor(null)
    const log = (message: string) => {
      seen.logs.push(message)
      first.resolve()
    }
    const { counts } = run(
      flow(
        `import sys`,
        `print('first')`,
        `session_params.checkpoint.load()`,
        `print('no end', end='')`,
        RETURNED
      ),
      {
        logger: { ...input.logger, info: log },
        // The flow goes on when its first line has come
        checkpoint: { ...input.checkpoint, load: () => first.promise.then(() => null) },
      }
    )
    await counts
    assert.deepEqual(seen.logs, ['first', 'no end'])
  })

  test('is kept up to its cap, however much it is', async ({ assert }) => {
    const { run } = await setup({ maxOutput: 1_000 })
    const { counts, seen } = run(
      flow(`for i in range(200000): print('x' * 90)`, `print('y' * 5000000)`, RETURNED)
    )
    await counts
    assert.isAtMost(seen.logs.length, 15)
    assert.match(seen.logs.at(-1)!, /further lines of output were not kept \(\d{8} bytes\)/)
  })
})

test.group('Python flows | how they end', (group) => {
  group.tap((each) => each.skip(!python.available, python.reason))

  test('counts may be missing, and a status says how it ended: {result}')
    .with<{ result: string; counts: RunCounts | null }[]>([
      { result: `{}`, counts: null },
      {
        result: `{'target_rows': 5}`,
        counts: { sourceRows: 0, targetRows: 5, errorRows: 0 },
      },
      {
        result: `{'source_rows': 2.0, 'status': 'completed'}`,
        counts: { sourceRows: 2, targetRows: 0, errorRows: 0 },
      },
      { result: `{'source_rows': None, 'status': None}`, counts: null },
    ])
    .run(async ({ assert }, { result, counts }) => {
      const { run } = await setup()
      assert.deepEqual(await run(flow(`return ${result}`)).counts, counts)
    })

  test('one that says that it stopped has stopped', async ({ assert }) => {
    const { failure } = await setup()
    const { error } = await failure(flow(`return {'status': 'STOPPED', 'message': 'enough'}`))
    assert.instanceOf(error, Cancelled)
    assert.equal((error as Cancelled).reason, 'enough')
  })

  const REFUSED: [string, string, RegExp][] = [
    ['returns nothing', flow('pass'), /returned NoneType; return a dict with source_rows/],
    ['returns a list', flow('return [1]'), /returned list; return a dict/],
    ['returns an unknown status', flow(`return {'status': 'meh'}`), /status "MEH"; return one of/],
    ['returns a failure', flow(`return {'status': 'FL', 'message': 'no file'}`), /: no file$/],
    [
      'returns counts that are none',
      flow(`return {'source_rows': 'many'}`),
      /source_rows = 'many'/,
    ],
    ['returns negative counts', flow(`return {'error_rows': -1}`), /returned -1 rows/],
    ['takes one parameter', 'def execute_job(a): pass', /execute_job has 1 parameters; write/],
    ['takes any', 'def execute_job(*a): pass', /takes any number of arguments/],
    ['is no function', 'execute_job = 5\ndef other(): pass', /defines no execute_job/],
    ['ends its process', flow('import os', 'os._exit(3)'), /ended with code 3 and gave no answer/],
    [
      'is killed',
      flow('import os, signal', 'os.kill(os.getpid(), signal.SIGKILL)'),
      /was ended by SIGKILL and gave no answer/,
    ],
    [
      'gets no connection',
      `def execute_job(metadata, target, params): pass`,
      /"target" of the connection module "almanac_test_connections" gave None/,
    ],
  ]
  test('a flow fails clearly that {0}')
    .with(REFUSED)
    .run(async ({ assert }, [, logic, message]) => {
      const { failure } = await setup()
      const { input } = inputFor(null)
      const { error } = await failure(logic, { params: { ...input.params, param2: 'none' } })
      assert.instanceOf(error, E_PYTHON_FLOW)
      assert.match(error.message, message)
      assert.isTrue(error.message.startsWith('Python flow of MAPREF "FACT_SALES": '))
    })

  test('a connection module that is not found is named', async ({ assert }) => {
    const { failure } = await setup({ connections: 'nowhere.connections' })
    const { error } = await failure(flow(RETURNED))
    assert.match(error.message, /the connection module "nowhere\.connections" is not found; put/)
  })

  test('what it raises is the message, its frames are the traceback', async ({ assert }) => {
    const { failure } = await setup({ secretEnv: { API_KEY: 'very-secret' } })
    const { error } = await failure(
      ['def inner():', `    raise ValueError('bad very-secret row')`, flow('inner()')].join('\n')
    )
    assert.equal(error.message, 'ValueError: bad [secret] row')
    const { error: end } = endOfThrow(error, null, 5)
    assert.equal(end?.type, 'ERROR')
    assert.match(end!.databaseMessage!, /File "<FACT_SALES>", line 2, in inner/)
    assert.include(end!.databaseMessage!, 'raise ValueError')
    assert.notInclude(end!.databaseMessage!, 'bootstrap')
    assert.notInclude(end!.databaseMessage!, 'very-secret')
  })

  test('also of what cannot be read, and of sys.exit', async ({ assert }) => {
    const { failure } = await setup()
    const syntax = await failure(`${flow(RETURNED)}\nif:`)
    assert.match(syntax.error.message, /^SyntaxError: invalid syntax \(<FACT_SALES>, line 3\)/)
    const exit = await failure(['import sys', flow('sys.exit(2)')].join('\n'))
    assert.equal(exit.error.message, 'SystemExit: 2')
  })

  test('what a driver says of a lock or a lost connection is transient: {raised}')
    .with<{ raised: string; transient: boolean }[]>([
      { raised: `sqlite3.OperationalError('database is locked')`, transient: true },
      { raised: `ConnectionResetError(104, 'reset')`, transient: true },
      {
        raised: `type('DeadlockDetected', (sqlite3.OperationalError,), {'pgcode': '40P01'})()`,
        transient: true,
      },
      { raised: `sqlite3.OperationalError(1213, 'Deadlock found')`, transient: true },
      { raised: `sqlite3.DatabaseError('ORA-00060: deadlock detected')`, transient: true },
      { raised: `sqlite3.OperationalError('no such table: X')`, transient: false },
      { raised: `KeyError(1213)`, transient: false },
      { raised: `FileNotFoundError(2, 'gone')`, transient: false },
    ])
    .run(async ({ assert }, { raised, transient }) => {
      const { failure } = await setup()
      const { error } = await failure(['import sqlite3', flow(`raise ${raised}`)].join('\n'))
      assert.equal(isTransient(error), transient, error.message)
    })

  test('an interpreter that cannot be started, or never begins, is told of', async ({ assert }) => {
    const missing = await setup({ interpreter: '/nowhere/python3' })
    const { error } = await missing.failure(flow(RETURNED))
    assert.match(error.message, /"\/nowhere\/python3" could not be started/)
    const hung = await setup({ interpreter: '/bin/cat', startTimeout: 50 })
    const unused = await hung.failure(flow(RETURNED))
    assert.match(unused.error.message, /gave no answer|did not begin within 50 ms/)
  })

  test('nonsense on its line is told of, and ends it', async ({ assert }) => {
    const { failure } = await setup()
    const write = (text: string) =>
      flow(
        `import os`,
        `os.write(session_params.checkpoint._channel._writer.fileno(), ${text})`,
        `while True: pass`
      )
    const nonsense = await failure(write(`b'hello\\n'`))
    assert.match(nonsense.error.message, /it sent what is no answer: hello/)
    const endless = await failure(write(`b'x' * 1000000`))
    assert.match(endless.error.message, /it sent (more than|what is no answer)/)
  })

  test('an abort ends it and all that it started, SIGTERM first, SIGKILL after the grace', async ({
    assert,
  }) => {
    const { run } = await setup()
    const ready = Promise.withResolvers<void>()
    const { input } = inputFor(null)
    const { counts, seen, controller } = run(
      [
        'import os, signal, subprocess, time',
        flow(
          `signal.signal(signal.SIGTERM, lambda *ignored: print('not now'))`,
          `child = subprocess.Popen(['sleep', '600'], start_new_session=True)`,
          `print(os.getpid(), child.pid)`,
          `session_params.checkpoint.load()`,
          `while True: time.sleep(0.01)`
        ),
      ].join('\n'),
      {
        checkpoint: {
          ...input.checkpoint,
          load: async () => {
            ready.resolve()
            return null
          },
        },
      }
    )
    await ready.promise
    controller.abort('cancelled')
    assert.equal(await counts.catch((error: unknown) => error), 'cancelled' as never)
    const pids = seen.logs[0].split(' ').map(Number)
    assert.lengthOf(pids, 2)
    assert.deepEqual(await Promise.all(pids.map(isAlive)), [false, false])
    assert.include(seen.logs, 'not now')
  })
})
