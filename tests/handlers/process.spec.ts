import { fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from '@japa/runner'
import { SystemClock } from '../../src/clock.ts'
import { processHandler } from '../../src/handlers/process/handler.ts'
import { Failed } from '../../src/jobs/outcome.ts'
import { ManualClock } from '../../src/testing/main.ts'
import { Attempt, gone, read } from './support.ts'

const node = process.execPath

/** Runs JavaScript with the settings of `builtIn.process`. */
function run(
  code: string,
  { settings = {}, args = [] as string[], clock = new SystemClock() } = {}
) {
  const commands = { script: { path: node, args: ['-e', code] } }
  const { process: config } = read({ builtIn: { process: { commands, cwd: '/', ...settings } } })
  const env = { PATH: process.env.PATH, HOME: '/home/x', SECRET_OF_APP: 'do-not-pass' }
  const handler = processHandler({ config: config!, clock: clock as SystemClock, env })
  return new Attempt(handler, { command: 'script', args })
}

const STUBBORN = `
  process.on('SIGTERM', () => console.log('ignored'))
  setInterval(() => {}, 1e6)
  console.log('ready ' + process.pid)`

test.group('almanac.process | outcome', () => {
  test('0 succeeds; output goes into the log line by line', async ({ assert }) => {
    const attempt = run(
      `console.log('one\\r\\ntwo'); process.stderr.write('odd'); console.log('three')`
    )
    const { result, error } = await attempt.done
    assert.isNull(error)
    assert.deepEqual(result, {
      exitCode: 0,
      stdout: 15,
      stderr: 3,
      complete: true,
      tail: 'one\ntwo\nthree',
    })
    assert.deepEqual(attempt.messages('info'), ['one', 'two', 'three'])
    assert.deepEqual(attempt.messages('warn'), ['odd'])
  })

  test('another code fails for good, with the end of stderr', async ({ assert }) => {
    const { error } = await run(`console.error('no such table'); process.exit(3)`).done
    assert.instanceOf(error, Failed)
    assert.equal(error.message, 'script ended with code 3: no such table')
    assert.deepEqual(error.result, { exitCode: 3 })
  })

  test('a code of retryExitCodes, and a signal from outside, may be tried again', async ({
    assert,
  }) => {
    const busy = await run('process.exit(75)', { settings: { retryExitCodes: [75] } }).done
    assert.notInstanceOf(busy.error, Failed)
    assert.equal(busy.error.message, 'script ended with code 75')
    const shot = await run(`process.kill(process.pid, 'SIGKILL')`).done
    assert.notInstanceOf(shot.error, Failed)
    assert.equal(shot.error.message, 'script was ended by SIGKILL')
  })

  /** How a program ends that cannot be started. */
  async function notStarted(path: string, cwd = '/') {
    const { process: config } = read({ builtIn: { process: { commands: [path], cwd } } })
    const handler = processHandler({ config: config!, clock: new SystemClock(), env: {} })
    const { error } = await new Attempt(handler, { command: path }).done
    return error
  }

  test('a program that is not there fails for good, as does one without its folder', async ({
    assert,
  }) => {
    const error = await notStarted('/nowhere/tool')
    assert.instanceOf(error, Failed)
    assert.match(error.message, /"\/nowhere\/tool" could not be started in "\/": .*ENOENT/)
    const homeless = await notStarted('/bin/true', '/nowhere')
    assert.instanceOf(homeless, Failed)
    assert.match(homeless.message, /"\/bin\/true" could not be started in "\/nowhere"/)
  })

  test('a program that the system cannot start just now is tried again', async ({ assert, fs }) => {
    await fs.create('.keep', '')
    const path = `${fs.basePath}/tool`
    await copyFile('/bin/true', path)
    const written = await open(path, 'r+')
    const error = await notStarted(path)
    await written.close()
    assert.match(error.message, /ETXTBSY/)
    assert.notInstanceOf(error, Failed)
  }).skip(process.platform !== 'linux', 'others replace a program that runs')

  test('arguments are passed as they are: no shell reads them', async ({ assert }) => {
    const args = ['$(touch /tmp/x)', '; exit 9', '*', '"']
    const attempt = run('console.log(JSON.stringify(process.argv.slice(1)))', { args })
    const { result } = await attempt.done
    assert.deepEqual(JSON.parse(result.tail), args)
  })

  test('the environment is what config allows and sets', async ({ assert }) => {
    const settings = {
      passEnv: ['HOME', 'UNSET'],
      env: { TZ: 'UTC' },
      secretEnv: { PGPASSWORD: 'sesame-open' },
    }
    // Node.js hands the folder of a coverage on to its children by itself
    const code = `const { ALMANAC_EXECUTION, NODE_V8_COVERAGE, ...rest } = process.env
      console.log(JSON.stringify(rest)); console.error('denied for sesame-open'); process.exit(1)`
    const attempt = run(code, { settings })
    const { error } = await attempt.done
    const env = JSON.parse(attempt.messages('info')[0])
    assert.deepEqual(env, { HOME: '/home/x', TZ: 'UTC', PGPASSWORD: '[secret]' })
    assert.equal(error.message, 'script ended with code 1: denied for [secret]')
  })
})

test.group('almanac.process | secrets', () => {
  test('of several lines are hidden line by line', async ({ assert }) => {
    const settings = { secretEnv: { KEY: 'first-half\nsecond-half' } }
    const code = `console.log(process.env.KEY); console.error(encodeURIComponent(process.env.KEY))`
    const attempt = run(code, { settings })
    await attempt.done
    assert.deepEqual(attempt.messages('info'), ['[secret]', '[secret]'])
    assert.deepEqual(attempt.messages('warn'), ['[secret]'])
  })
})

test.group('almanac.process | much output', () => {
  test('megabytes of lines are read to the end, kept up to the cap', async ({ assert }) => {
    const code = `for (let i = 0; i < 40000; i++) process.stdout.write('x'.repeat(99) + '\\n')
      process.stdout.write('last\\n')`
    const attempt = run(code, { settings: { maxOutput: 10_000 } })
    const { result } = await attempt.done
    assert.equal(result.stdout, 4_000_005)
    assert.isFalse(result.complete)
    assert.isTrue(result.tail.endsWith('last'))
    assert.lengthOf(attempt.messages('info'), 101)
    assert.match(attempt.messages('warn')[0], /^39900 further lines of output were not kept/)
  })

  test('megabytes without a line are cut, and characters stay whole', async ({ assert }) => {
    const attempt = run(`process.stdout.write('ü'.repeat(2_000_000))`)
    const { result } = await attempt.done
    assert.equal(result.stdout, 4_000_000)
    assert.isAtMost(Math.max(...attempt.lines.map(({ message }) => message.length)), 2_001)
    assert.notInclude(attempt.messages('info').join(''), '\uFFFD')
  })
})

test.group('almanac.process | end', (group) => {
  group.tap((each) => each.skip(process.platform !== 'linux', 'reads /proc'))

  test('an abort sends SIGTERM, which a program may use', async ({ assert }) => {
    const code = `process.on('SIGTERM', () => { console.log('bye'); process.exit(0) })
      setInterval(() => {}, 1e6); console.log('ready')`
    const attempt = run(code)
    await attempt.line(/ready/)
    attempt.controller.abort('cancelled')
    const { result } = await attempt.done
    assert.equal(result.tail, 'ready\nbye')
  })

  test('one that ignores SIGTERM is killed after the grace', async ({ assert }) => {
    const clock = new ManualClock()
    const attempt = run(STUBBORN, { clock: clock as never, settings: { grace: '5s' } })
    const pid = Number(await attempt.line(/ready (\d+)/))
    attempt.controller.abort('timeout')
    await attempt.line(/ignored/)
    await clock.advance(4_999)
    assert.doesNotThrow(() => process.kill(pid, 0))
    await clock.advance(1)
    const { error } = await attempt.done
    assert.equal(error, 'timeout')
    await gone(pid)
  })

  test('a shutdown leaves no longer than a second', async ({ assert }) => {
    const clock = new ManualClock()
    const attempt = run(STUBBORN, { clock: clock as never, settings: { grace: '1m' } })
    const pid = Number(await attempt.line(/ready (\d+)/))
    attempt.controller.abort('shutdown')
    await attempt.line(/ignored/)
    await clock.advance(1_000)
    assert.equal(await attempt.error, 'shutdown')
    await gone(pid)
  })

  test('an attempt that is aborted already starts nothing', async ({ assert }) => {
    const { process: config } = read({ builtIn: { process: { commands: [node], cwd: '/' } } })
    const handler = processHandler({ config: config!, clock: new SystemClock(), env: {} })
    const options = { signal: AbortSignal.abort('cancelled') }
    const attempt = new Attempt(handler, { command: node, args: ['-e', 'console.log(1)'] }, options)
    assert.equal(await attempt.error, 'cancelled')
    assert.lengthOf(attempt.lines, 0)
  })

  test('{$self} does not outlive it')
    .with(['a grandchild', 'a grandchild in a session of its own'])
    .run(async ({ assert }, kind) => {
      const detached = kind.endsWith('own')
      const stdio = detached ? 'ignore' : 'inherit'
      const code = `const { spawn } = require('node:child_process')
        const child = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6)"],
          { detached: ${detached}, stdio: '${stdio}' })
        child.unref()
        console.log('child ' + child.pid)`
      const attempt = run(code)
      const { result, error } = await attempt.done
      assert.isNull(error)
      await gone(Number(/child (\d+)/.exec(result.tail)![1]))
    })

  test('a grandchild goes with a program that is aborted', async ({ assert }) => {
    const clock = new ManualClock()
    const code = `const { spawn } = require('node:child_process')
      const stubborn = ${JSON.stringify(STUBBORN)}
      spawn(process.execPath, ['-e', stubborn.replace('ready', 'inner')], { stdio: 'inherit' })
      ${STUBBORN}`
    const attempt = run(code, { clock: clock as never })
    const outer = Number(await attempt.line(/ready (\d+)/))
    const inner = Number(await attempt.line(/inner (\d+)/))
    attempt.controller.abort('lease lost')
    await attempt.line(/ignored/)
    await clock.advance(5_000)
    assert.equal(await attempt.error, 'lease lost')
    await Promise.all([gone(outer), gone(inner)])
  })

  test('a node that exits takes what runs along', async ({ assert }) => {
    const script = fileURLToPath(new URL('exiting.ts', import.meta.url))
    const owner = fork(script, { execArgv: ['--import=@poppinss/ts-exec'], silent: true })
    let output = ''
    owner.stdout!.on('data', (chunk) => (output += chunk))
    const [code] = await once(owner, 'exit')
    assert.equal(code, 1)
    assert.match(output, /^\d+\n$/)
    await gone(Number(output))
  })
})
