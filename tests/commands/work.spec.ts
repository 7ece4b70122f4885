import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { getActiveTest, test } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import { bootApp } from '../provider/app.ts'
import type { ExecutionRecord } from '../../src/types/executions.ts'

const SCRIPT = fileURLToPath(new URL('./worker.ts', import.meta.url))

/** `node ace almanac:work …` in a process of its own. */
function startWorker(fs: FileSystem, argv: string[]) {
  const child = fork(SCRIPT, [fs.basePath, 'almanac:work', ...argv], {
    execArgv: ['--import=@poppinss/ts-exec'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  getActiveTest()?.cleanup(() => void child.kill('SIGKILL'))
  const output = { text: '' }
  child.stdout?.on('data', (chunk) => (output.text += chunk))
  child.stderr?.on('data', (chunk) => (output.text += chunk))
  const begun = new Promise<void>((resolve) => {
    child.on('message', (message) => (message === 'begun' ? resolve() : undefined))
  })
  return { child, output, begun, ended: ended(child) }
}

async function ended(child: ChildProcess) {
  const [code, signal] = await once(child, 'close')
  return { code, signal }
}

/** A store with one queued execution, as another process left it. */
async function queue(fs: FileSystem, handler: string, payload: string | number = 1) {
  const { app, almanac } = await bootApp(fs)
  almanac.register(handler, () => 1)
  const { id } = await almanac.enqueue(handler, payload)
  const find = (): Promise<ExecutionRecord> => almanac.executions.get(id)
  return { app, almanac, find }
}

test.group('almanac:work | signals', (group) => {
  group.tap((t) => t.timeout(30_000))

  test('{$self} waits for what runs, and ends with 0')
    .with(['SIGTERM', 'SIGINT'] as const)
    .run(async ({ assert, fs }, signal) => {
      const { find, almanac } = await queue(fs, 'finish')
      const worker = startWorker(fs, ['--json'])
      await worker.begun
      assert.containSubset(await find(), { state: 'running' })
      worker.child.kill(signal)
      worker.child.send('finish')
      assert.deepEqual(await worker.ended, { code: 0, signal: null }, worker.output.text)
      assert.containSubset(await find(), { state: 'succeeded', result: 'finished' })
      const { leader, nodes } = await almanac.status()
      assert.isNull(leader)
      assert.deepEqual(nodes, [])
      const [started, stopped] = worker.output.text.trim().split('\n')
      assert.containSubset(JSON.parse(started), { concurrency: 10 })
      assert.equal(JSON.parse(stopped).stopped, JSON.parse(started).started)
    })

  test('what outlasts the deadline is aborted and goes back to the queue', async ({
    assert,
    fs,
  }) => {
    const { find } = await queue(fs, 'obey')
    const worker = startWorker(fs, [])
    await worker.begun
    worker.child.kill('SIGTERM')
    assert.deepEqual(await worker.ended, { code: 0, signal: null }, worker.output.text)
    assert.containSubset(await find(), { state: 'queued', attempt: 1, failures: 0 })
  })

  test('a handler that ignores its signal does not keep the process', async ({ assert, fs }) => {
    const { find } = await queue(fs, 'ignore')
    const worker = startWorker(fs, [])
    await worker.begun
    worker.child.kill('SIGTERM')
    assert.deepEqual(await worker.ended, { code: 1, signal: null }, worker.output.text)
    assert.include(worker.output.text, 'Handlers ignore the shutdown')
    // Its lease lapses; another node rescues it
    assert.containSubset(await find(), { state: 'running', attempt: 1 })
  })
})

test.group('almanac:work | one round, flags, refusals', (group) => {
  group.tap((t) => t.timeout(30_000))

  test('--once fires, runs and ends', async ({ assert, fs }) => {
    const { find } = await queue(fs, 'echo', 'hello')
    const worker = startWorker(fs, ['--once', '--json', '--concurrency=3', '--queues=default,mail'])
    assert.deepEqual(await worker.ended, { code: 0, signal: null }, worker.output.text)
    assert.deepEqual(JSON.parse(worker.output.text), { fired: [], ran: 1 })
    assert.containSubset(await find(), { state: 'succeeded', result: 'hello' })
  })

  test('--concurrency gives a queue places of its own, within those of the node', async ({
    assert,
    fs,
  }) => {
    const { find } = await queue(fs, 'echo', 'hello')
    const worker = startWorker(fs, ['--once', '--json', '--concurrency=3,default=2'])
    const many = startWorker(fs, ['--concurrency=3,default=4'])
    const elsewhere = startWorker(fs, ['--queues=mail', '--concurrency=default=2', '--json'])
    const words = startWorker(fs, ['--concurrency=default=two', '--json'])
    assert.deepEqual(await worker.ended, { code: 0, signal: null }, worker.output.text)
    assert.deepEqual(JSON.parse(worker.output.text), { fired: [], ran: 1 })
    assert.containSubset(await find(), { state: 'succeeded', result: 'hello' })
    for (const refused of [many, elsewhere, words]) {
      assert.deepEqual(await refused.ended, { code: 1, signal: null })
    }
    assert.match(many.output.text, /queues.*default: 4.*this node has 3; raise concurrency/)
    for (const refused of [elsewhere, words]) {
      const { error } = JSON.parse(refused.output.text)
      assert.equal(error.code, 'E_INVALID_FLAG')
    }
    assert.include(elsewhere.output.text, 'this process works on mail; add default to --queues')
    assert.include(words.output.text, 'default=two')
  })

  test('handlers can make URLs of the routes of the app', async ({ assert, fs }) => {
    const { find } = await queue(fs, 'link')
    const worker = startWorker(fs, ['--once'])
    assert.deepEqual(await worker.ended, { code: 0, signal: null }, worker.output.text)
    assert.containSubset(await find(), { state: 'succeeded', result: '/orders/7' })
  })

  test('a signal ends a round early')
    .with(['SIGTERM', 'SIGINT'] as const)
    .run(async ({ assert, fs }, signal) => {
      const { find } = await queue(fs, 'obey')
      const worker = startWorker(fs, ['--once'])
      await worker.begun
      worker.child.kill(signal)
      assert.deepEqual(await worker.ended, { code: 0, signal: null }, worker.output.text)
      assert.containSubset(await find(), { state: 'queued', failures: 0 })
    })

  test('--queues leaves the others alone', async ({ assert, fs }) => {
    const { find } = await queue(fs, 'echo')
    const worker = startWorker(fs, ['--once', '--queues=mail'])
    assert.deepEqual(await worker.ended, { code: 0, signal: null }, worker.output.text)
    assert.include(worker.output.text, '0 fired, 0 run')
    assert.containSubset(await find(), { state: 'queued' })
  })

  test('a bad flag, and a store without tables, end with 1 and say why', async ({ assert, fs }) => {
    await fs.create('.keep', '')
    const flag = startWorker(fs, ['--concurrency=0'])
    const tables = startWorker(fs, ['--json'])
    const answers = await Promise.all([flag.ended, tables.ended])
    assert.deepEqual(
      answers.map(({ code }) => code),
      [1, 1]
    )
    assert.include(flag.output.text, '--concurrency: "0" is not valid')
    assert.containSubset(JSON.parse(tables.output.text), { error: { code: 'E_SCHEMA_OUTDATED' } })
  })
})
