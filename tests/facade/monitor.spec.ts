import { test } from '@japa/runner'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage, createTestAlmanac, ManualClock } from '../../src/testing/main.ts'

async function setup() {
  const clock = new ManualClock('2026-01-05T12:00:00Z')
  const chaos = new ChaosStorage(new MemoryStorage({ clock }))
  const t = await createTestAlmanac({ clock, storage: chaos, handlers: { note: () => 1 } })
  return { t, almanac: t.almanac, clock, chaos }
}

const minutely = { kind: 'interval', every: '1m' } as const

test.group('Monitor', () => {
  test('tells what the store tells, at each interval', async ({ assert }) => {
    const { t, almanac, clock } = await setup()
    await almanac.events.create({ name: 'a', handler: 'note', trigger: minutely })
    await almanac.enqueue('note', null)
    const snapshots = almanac.monitor({ interval: '10s' })
    const first = await snapshots.next()
    assert.containSubset(first.value, {
      at: clock.now(),
      leader: null,
      nodes: [],
      events: { active: 1 },
      queued: 1,
      running: 0,
      due: 0,
      late: 0,
      error: null,
    })
    const second = snapshots.next()
    await clock.advance(9_999)
    await clock.advance(1)
    assert.containSubset(await second, { value: { at: clock.now() } })
    const third = snapshots.next()
    await clock.advance(60_000)
    assert.containSubset(await third, { value: { at: clock.now() - 50_000 } })
    const fourth = await snapshots.next()
    assert.containSubset(fourth.value, { at: clock.now(), due: 1, late: 0 })
    await snapshots.return()
    await t[Symbol.asyncDispose]()
  })

  test('late is what the grace of its event calls so', async ({ assert }) => {
    const { almanac, clock } = await setup()
    const misfire = { policy: 'once', grace: '1s' } as const
    await almanac.events.create({ name: 'strict', handler: 'note', trigger: minutely, misfire })
    await almanac.events.create({ name: 'loose', handler: 'note', trigger: minutely })
    await clock.advance(70_000)
    const { value } = await almanac.monitor().next()
    assert.containSubset(value, { due: 2, late: 1 })
    await almanac.shutdown()
  })

  test('a look that fails is told, and the next one comes', async ({ assert }) => {
    const { almanac, clock, chaos } = await setup()
    const snapshots = almanac.monitor({ interval: 1_000 })
    chaos.outage()
    const failed = await snapshots.next()
    assert.containSubset(failed.value, { error: { code: 'E_STORAGE_UNAVAILABLE' } })
    chaos.heal()
    const next = snapshots.next()
    await clock.advance(1_000)
    assert.containSubset(await next, { value: { error: null } })
    await almanac.shutdown()
  })

  test('ends with its signal, with the shutdown, and with its loop', async ({ assert }) => {
    const { almanac, clock } = await setup()
    const abort = new AbortController()
    const bySignal = almanac.monitor({ signal: abort.signal })
    const byShutdown = almanac.monitor()
    await Promise.all([bySignal.next(), byShutdown.next()])
    const ends = [bySignal.next(), byShutdown.next()]
    abort.abort()
    assert.containSubset(await ends[0], { done: true })
    await almanac.shutdown()
    assert.containSubset(await ends[1], { done: true })
    assert.equal(clock.pending, 0)
  })

  test('an interval that is none is refused at once', async ({ assert }) => {
    const { almanac } = await setup()
    assert.throws(() => almanac.monitor({ interval: 'often' as never }), /interval/)
    assert.throws(() => almanac.monitor({ every: 1 } as never), /every/)
    assert.throws(() => almanac.monitor({ signal: 'stop' as never }), /signal \(stop\)/)
    await almanac.shutdown()
  })
})
