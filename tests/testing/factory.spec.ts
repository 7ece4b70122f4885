import { test } from '@japa/runner'
import { Handler } from '../../src/handler.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage, createTestAlmanac, ManualClock } from '../../src/testing/main.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'

class SendDigest extends Handler<{ list: string }, string> {
  constructor(private greeting = 'dear') {
    super()
  }
  handle({ payload }: HandlerContext<{ list: string }>) {
    return `${this.greeting} ${payload.list}`
  }
}

const daily = { kind: 'cron', expression: '0 7 * * *', timezone: 'Europe/Berlin' } as const

test.group('createTestAlmanac', () => {
  test('tick moves the clock, fires and runs', async ({ assert }) => {
    await using t = await createTestAlmanac({ handlers: [SendDigest] })
    await t.almanac.events.create({
      name: 'digest',
      handler: SendDigest,
      payload: { list: 'staff' },
      trigger: daily,
    })
    assert.deepEqual(await t.tick(), [])
    const [id] = await t.tick('1d')
    const execution = await t.almanac.executions.get(id)
    assert.containSubset(execution, {
      state: 'succeeded',
      result: 'dear staff',
      slot: Date.UTC(2026, 0, 6, 6),
    })
    assert.equal(t.clock.now(), Date.UTC(2026, 0, 6, 12))
    assert.deepEqual(
      t.recorder.names().filter((name) => name.startsWith('execution:')),
      ['execution:queued', 'execution:started', 'execution:succeeded']
    )
    assert.equal(t.counters.get('executions.succeeded'), 1)
  })

  test('takes clock, store, config, functions and its own way to make instances', async ({
    assert,
  }) => {
    const clock = new ManualClock('2030-06-01T00:00:00Z')
    const storage = new ChaosStorage(new MemoryStorage({ clock }))
    await using t = await createTestAlmanac({
      clock,
      storage,
      handlers: { digest: SendDigest, size: ({ payload }) => String(payload).length },
      config: { concurrency: 2, retry: false },
      make: async () => new SendDigest('hello'),
    })
    const digest = await t.almanac.enqueue('digest', { list: 'all' })
    const size = await t.almanac.enqueue('size', 'four')
    await t.tick()
    assert.containSubset(await t.almanac.executions.get(digest.id), { result: 'hello all' })
    assert.containSubset(await t.almanac.executions.get(size.id), { result: 4 })
    assert.equal(t.almanac.capacity().total, 2)
    assert.isAbove(storage.calls('executions.claim'), 0)
  })

  test('a config that is not valid is refused as in an app', async ({ assert }) => {
    await assert.rejects(
      () => createTestAlmanac({ config: { concurrency: 0 } }),
      /config\/almanac.ts: concurrency is 0/
    )
  })

  test('a started scheduler lives in the time of the test and leaves no timer behind', async ({
    assert,
  }) => {
    const t = await createTestAlmanac({ handlers: [SendDigest] })
    const payload = { list: 'staff' }
    const trigger = { kind: 'interval', every: '10m' } as const
    await t.almanac.events.create({ name: 'digest', handler: SendDigest, payload, trigger })
    await t.almanac.start()
    await t.clock.advance(20 * 60_000)
    assert.lengthOf(t.recorder.of('execution:succeeded'), 2)
    await t[Symbol.asyncDispose]()
    assert.equal(t.clock.pending, 0)
  })
})
