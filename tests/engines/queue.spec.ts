import type { ApplicationService } from '@adonisjs/core/types'
import { test } from '@japa/runner'
import { HostBackend } from '../../src/locks/host_backend.ts'
import { requires } from '../helpers/services.ts'
import { bootWorld, linesOf, queueWorker, type Driver } from './world.ts'

const redis = await requires('redis')

/** Makes the table of the locks as its own migration does. @returns what reads the keys in it */
async function lockTable(app: ApplicationService): Promise<() => Promise<string[]>> {
  const db = await app.container.make('lucid.db')
  await db.connection().schema.createTable('locks', (table) => {
    table.string('key').primary()
    table.string('owner').notNullable()
    table.bigInteger('expiration')
  })
  return async () => {
    const rows = await db.from('locks').select('key')
    return rows.map(({ key }) => key as string)
  }
}

test.group('The engine @adonisjs/queue', (group) => {
  group.tap((t) => t.timeout(60_000).skip(!redis.available, redis.reason))

  test('its worker in another process runs what a node hands over, through {$self}')
    .with(['redis', 'database'] as Driver[])
    .run(async ({ assert, fs }, driver) => {
      const { almanac } = await bootWorld(fs, driver)
      const { child } = queueWorker()
      await almanac.start()
      const queued = await Promise.all(
        Array.from({ length: 30 }, (_, n) => almanac.enqueue('where', { fails: n % 10 === 0 }))
      )
      const ended = await Promise.all(queued.map(({ id }) => almanac.waitFor(id)))
      for (const [n, execution] of ended.entries()) {
        const failures = n % 10 === 0 ? 1 : 0
        assert.containSubset(execution, {
          ...{ state: 'succeeded', failures, attempt: failures + 1, rescues: 0 },
          ...{ result: { pid: child.pid }, progress: { done: 1, total: 2 } },
        })
        assert.notEqual(execution!.node, almanac.nodeId)
      }
      const logs = await almanac.executions.logs(queued[0].id)
      assert.deepEqual(
        logs.map(({ attempt, message }) => [attempt, message]),
        [
          [1, 'runs'],
          [2, 'runs'],
        ]
      )
      await almanac.stop()
    })

  test('its sync driver runs them on the spot', async ({ assert, fs }) => {
    const { almanac } = await bootWorld(fs, 'sync')
    await almanac.start()
    const { id } = await almanac.enqueue('where', { fails: true })
    const execution = await almanac.waitFor(id)
    assert.containSubset(execution, {
      ...{ state: 'succeeded', attempt: 2, failures: 1, node: almanac.nodeId },
      result: { pid: process.pid },
    })
    await almanac.stop()
  })

  test('a worker that is killed in the middle of a run loses it to the next one', async ({
    assert,
    fs,
  }) => {
    const { almanac } = await bootWorld(fs)
    const mark = `${fs.basePath}/runs`
    const first = queueWorker()
    await almanac.start()
    const { id } = await almanac.enqueue('waiting', { mark })
    assert.deepEqual(await linesOf(mark, 1), [String(first.child.pid)])
    first.child.kill('SIGKILL')
    await first.exited
    const second = queueWorker()
    const runs = await linesOf(mark, 2)
    assert.equal(runs[1], String(second.child.pid))
    assert.include(await almanac.executions.get(id), { state: 'running', rescues: 1, attempt: 2 })
    await almanac.cancel(id, { reason: 'by ana' })
    const ended = await almanac.waitFor(id)
    assert.include(ended, { state: 'cancelled', reason: 'by ana' })
    assert.lengthOf(await linesOf(mark, 2), 2)
    await almanac.stop()
  })

  test('what Redis forgets is handed over anew, and runs once', async ({ assert, fs }) => {
    const { almanac, forgetMessages } = await bootWorld(fs)
    const mark = `${fs.basePath}/runs`
    await almanac.start()
    const queued = await Promise.all(
      Array.from({ length: 5 }, () => almanac.enqueue('waiting', { mark, short: true }))
    )
    const handed = async () => {
      const [last] = await almanac.history({ states: ['queued'], limit: 1 })
      return last === undefined
    }
    while (!(await handed())) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    // Their state and the message are two writes: the second may be on its way
    let forgotten = 0
    while (forgotten === 0) {
      forgotten = await forgetMessages()
    }
    queueWorker()
    const ended = await Promise.all(queued.map(({ id }) => almanac.waitFor(id)))
    for (const execution of ended) {
      assert.include(execution, { state: 'succeeded', rescues: 0, failures: 0 })
    }
    assert.lengthOf(await linesOf(mark, 5), 5)
    await almanac.stop()
  })

  test('a worker that is stopped gives its runs their time, then hands them back', async ({
    assert,
    fs,
  }) => {
    const { almanac } = await bootWorld(fs)
    const mark = `${fs.basePath}/runs`
    const { child, exited } = queueWorker()
    await almanac.start()
    const { id } = await almanac.enqueue('waiting', { mark })
    await linesOf(mark, 1)
    child.kill('SIGTERM')
    assert.equal(await exited, 0)
    const after = await almanac.executions.get(id)
    assert.include(after, { failures: 0, rescues: 0 })
    await almanac.cancel(id)
    assert.include(await almanac.waitFor(id), { state: 'cancelled' })
    await almanac.stop()
  })

  for (const store of ['redis', 'database'] as const) {
    test(`context.lock holds its locks in the ${store} store of the app`, async ({
      assert,
      fs,
      cleanup,
    }) => {
      process.env.ENGINE_LOCKS = store
      cleanup(() => {
        delete process.env.ENGINE_LOCKS
      })
      const { app, almanac, keys } = await bootWorld(fs)
      const tried = async () => {
        const { id } = await almanac.enqueue('locking', null)
        await almanac.runOnce()
        const { result } = await almanac.executions.get(id)
        return result as { acquired: boolean }
      }
      const stored = store === 'redis' ? keys : await lockTable(app)
      const locks = await app.container.make('lock.manager')
      const lock = locks.createLock('almanac:stock', '30s')
      assert.isTrue(await lock.acquireImmediately())
      assert.sameMembers(await stored(), ['almanac:stock'])
      assert.deepEqual(await tried(), { acquired: false })
      await lock.release()
      assert.deepEqual(await tried(), { acquired: true })
      // What the handler still held was released with it
      assert.isEmpty(await stored())

      const held = await new HostBackend(locks).acquire('stock', 'an owner', 30_000)
      assert.isTrue(await held!.renew(30_000))
      await locks.createLock('almanac:stock').forceRelease()
      assert.isFalse(await held!.renew(30_000))
      await held!.release()
    })
  }
})
