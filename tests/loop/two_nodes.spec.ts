import { test } from '@japa/runner'
import { addEvent, CONFIG, makeNode, makeStore } from './loop_support.ts'
import { MINUTE, SECOND, START } from './support.ts'

const cron = { kind: 'cron', expression: '* * * * *', timezone: 'UTC' } as const

function setup() {
  const { clock, memory } = makeStore()
  const a = makeNode({ storage: memory, clock, nodeId: 'a.1' })
  const b = makeNode({ storage: memory, clock, nodeId: 'b.1' })
  const slots = async () => {
    const rows = await memory.executions.list({ limit: 10_000 })
    return rows.map(({ slot }) => slot!).sort((x, y) => x - y)
  }
  return { clock, memory, a, b, slots }
}

test.group('Two nodes', () => {
  test('one leads and no slot is fired twice', async ({ assert }) => {
    const { clock, memory, a, b, slots } = setup()
    await addEvent(memory, clock, { trigger: cron, nextRunAt: START })
    await a.loop.start()
    await b.loop.start()
    await clock.advance(10 * MINUTE)
    assert.isTrue(a.loop.isLeader)
    assert.isFalse(b.loop.isLeader)
    await a.loop.stop()
    await b.loop.stop()

    assert.deepEqual(
      await slots(),
      Array.from({ length: 11 }, (_, n) => START + n * MINUTE)
    )
    assert.isEmpty(b.notices.of('slot:fired'))
  })

  test('the other takes over when the leader stops', async ({ assert }) => {
    const { clock, memory, a, b, slots } = setup()
    await addEvent(memory, clock, { trigger: cron, nextRunAt: START + MINUTE })
    await a.loop.start()
    await b.loop.start()
    await clock.advance(90 * SECOND)
    await a.loop.stop()
    await clock.advance(CONFIG.leader.renew)
    assert.isTrue(b.loop.isLeader)
    await clock.advance(MINUTE)
    await b.loop.stop()

    assert.deepEqual(await slots(), [START + MINUTE, START + 2 * MINUTE])
    assert.deepEqual(
      b.notices.of('slot:fired').map(({ slot }) => slot),
      ['2026-03-01T00:02:00.000Z']
    )
  })

  test('and when the leader loses the store', async ({ assert }) => {
    const { clock, memory, a, b, slots } = setup()
    await addEvent(memory, clock, { trigger: cron, nextRunAt: START + MINUTE })
    await a.loop.start()
    await b.loop.start()
    a.chaos.outage()
    await clock.advance(2 * MINUTE)

    assert.isFalse(a.loop.isLeader)
    assert.isTrue(b.loop.isLeader)
    assert.equal(a.notices.of('leader:lost')[0].reason, 'lapsed')
    a.chaos.heal()
    await clock.advance(MINUTE)
    assert.isFalse(a.loop.isLeader)
    await a.loop.stop()
    await b.loop.stop()
    assert.deepEqual(
      await slots(),
      [1, 2, 3].map((n) => START + n * MINUTE)
    )
  })

  test('a leader that freezes within a firing and thaws late does no harm', async ({ assert }) => {
    const { clock, memory, a, b, slots } = setup()
    await addEvent(memory, clock, { trigger: cron, nextRunAt: START + 10 * SECOND })
    const thawFire = a.chaos.hold('events.fire')
    const thawRenew = a.chaos.hold('leases.renew')
    await a.loop.start()
    await b.loop.start()
    await clock.advance(3 * MINUTE)
    assert.isTrue(b.loop.isLeader)

    thawFire()
    thawRenew()
    await clock.advance(MINUTE)

    assert.isFalse(a.loop.isLeader)
    assert.isEmpty(a.notices.of('slot:fired'))
    assert.isAtLeast(a.counters.get('events.stale'), 1)
    await a.loop.stop()
    await b.loop.stop()
    assert.deepEqual(await slots(), [
      START + 10 * SECOND,
      ...[1, 2, 3, 4].map((n) => START + n * MINUTE),
    ])
  })

  test('two that both believe to lead fire each slot once', async ({ assert }) => {
    const { clock, memory, a, b, slots } = setup()
    await addEvent(memory, clock, { trigger: cron, nextRunAt: START })
    const release = [a.chaos.hold('events.fire'), b.chaos.hold('events.fire')]
    const first = a.loop.tick()
    await clock.settle()
    // The lease of the first lapses for the database, not for its holder
    await memory.leases.release({ now: clock.now(), name: 'leader', owner: 'a.1', term: 1 })
    const second = b.loop.tick()
    await clock.settle()
    assert.equal(a.chaos.calls('events.fire') + b.chaos.calls('events.fire'), 2)
    release.forEach((open) => open())

    const ids = await Promise.all([first, second])

    assert.lengthOf(ids.flat(), 1)
    assert.deepEqual(await slots(), [START])
  })

  test('an event that another moved is looked at again soon', async ({ assert }) => {
    const { clock, memory, a, slots } = setup()
    await addEvent(memory, clock, { trigger: { kind: 'interval', every: MINUTE } })
    const release = a.chaos.hold('events.fire')
    await a.loop.start()
    await clock.settle()
    await memory.events.update({
      now: clock.now(),
      id: 'event-1',
      expectedVersion: 1,
      patch: { nextRunAt: START - 50 },
    })
    release()
    await clock.advance(100)
    await a.loop.stop()

    assert.deepEqual(await slots(), [START - 50, START])
    assert.equal(a.counters.get('events.stale'), 1)
  })
})
