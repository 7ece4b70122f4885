import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from '@japa/runner'
import { addEvent, CONFIG, makeNode, makeStore, setup } from './loop_support.ts'
import { MINUTE, SECOND, START } from './support.ts'

const at = (n: number) => START + n * SECOND
const cron = { kind: 'cron', expression: '* * * * *', timezone: 'UTC' } as const

test.group('Scheduler loop | started', () => {
  test('fires each slot at its instant', async ({ assert }) => {
    const { clock, memory, loop, executions, notices, jobs } = setup()
    await addEvent(memory, clock, { trigger: cron, nextRunAt: START + MINUTE })
    await loop.start()
    assert.isTrue(loop.isLeader)

    await clock.advance(3 * MINUTE)
    await loop.stop()

    const rows = await executions()
    assert.deepEqual(
      rows.map(({ slot, createdAt, state }) => [slot, createdAt, state]),
      [1, 2, 3].map((n) => [START + n * MINUTE, START + n * MINUTE, 'queued'])
    )
    assert.deepEqual(
      notices.of('slot:fired').map(({ lateness }) => lateness),
      [0, 0, 0]
    )
    assert.equal(jobs.woken, 3)
  })

  test('sleeps until the next slot, and no longer than tickMax', async ({ assert }) => {
    const { clock, memory, loop, chaos } = setup()
    await addEvent(memory, clock, { trigger: cron, nextRunAt: START + 300 })
    await loop.start()
    await clock.settle()
    assert.equal(clock.nextTimer, 300)

    await clock.advance(300)
    assert.equal(clock.nextTimer, CONFIG.tickMax)
    await clock.advance(10 * CONFIG.tickMax)
    await loop.stop()

    assert.equal(chaos.calls('events.peek'), 12)
    assert.equal(chaos.calls('events.listDue'), 1)
  })

  test('does not drift by the length of its ticks', async ({ assert }) => {
    const { clock, memory, loop, chaos, executions } = setup()
    await addEvent(memory, clock, { trigger: { kind: 'interval', every: SECOND } })
    let release = chaos.hold('events.fire')
    await loop.start()
    for (let second = 0; second < 5; second++) {
      await clock.advance(300)
      release()
      release = chaos.hold('events.fire')
      await clock.advance(700)
    }
    release()
    await loop.stop()

    const rows = await executions()
    assert.deepEqual(
      rows.map(({ slot, createdAt }) => [slot, createdAt]),
      [0, 1, 2, 3, 4, 5].map((n) => [at(n), at(n)])
    )
  })

  test('a nudge lets it look at once', async ({ assert }) => {
    const { clock, memory, loop, executions } = setup()
    await loop.start()
    await clock.advance(10)
    await addEvent(memory, clock, { nextRunAt: START + 5 })
    loop.wake()
    await clock.advance(0)
    await loop.stop()

    assert.lengthOf(await executions(), 1)
  })

  test('a wrong or stepping wall clock of this machine shifts no slot', async ({ assert }) => {
    const { clock, memory } = makeStore()
    let step = 86_400_000
    const { loop } = makeNode({
      storage: memory,
      clock: {
        now: () => clock.now() + step,
        nowOrNull: () => null,
        monotonic: () => clock.monotonic(),
        timer: (delay, callback) => clock.timer(delay, callback),
      },
    })
    await addEvent(memory, clock, { trigger: cron, nextRunAt: START + MINUTE })
    await loop.start()
    await clock.advance(90 * SECOND)
    step = -86_400_000
    await clock.advance(MINUTE)
    await loop.stop()

    const rows = await memory.executions.list({})
    assert.sameDeepMembers(
      rows.map(({ slot, createdAt }) => [slot, createdAt]),
      [1, 2].map((n) => [START + n * MINUTE, START + n * MINUTE])
    )
  })

  test('start and stop may be said twice', async ({ assert }) => {
    const { clock, loop, notices } = setup()
    await loop.stop()
    await Promise.all([loop.start(), loop.start()])
    assert.isTrue(loop.started)
    await Promise.all([loop.stop(), loop.stop()])

    assert.isFalse(loop.started)
    assert.isFalse(loop.isLeader)
    assert.equal(clock.pending, 0)
    assert.deepEqual(notices.names(), ['leader:acquired', 'leader:lost'])
  })

  test('stop waits for the tick that is under way', async ({ assert }) => {
    const { clock, memory, loop, chaos, executions } = setup()
    await addEvent(memory, clock)
    const release = chaos.hold('events.fire')
    await loop.start()
    await clock.settle()
    let stopped = false
    const stopping = loop.stop().then(() => (stopped = true))
    await clock.settle()
    assert.isFalse(stopped)

    release()
    await stopping

    assert.lengthOf(await executions(), 1)
  })
})

test.group('Scheduler loop | a single tick', () => {
  test('leads for that tick when the loop is not started', async ({ assert }) => {
    const { clock, memory, loop, executions, kinds } = setup()
    await addEvent(memory, clock)

    const ids = await loop.tick()

    const rows = await executions()
    assert.deepEqual(
      ids,
      rows.map(({ id }) => id)
    )
    assert.lengthOf(ids, 1)
    assert.isFalse(loop.isLeader)
    assert.isNull(await memory.leases.find('leader'))
    assert.deepEqual(await kinds(), ['leader.acquired', 'leader.lost'])
    assert.isEmpty(await loop.tick())
  })

  test('does nothing while another node leads', async ({ assert }) => {
    const { clock, memory, loop, executions } = setup()
    await addEvent(memory, clock)
    await memory.leases.acquire({
      now: clock.now(),
      name: 'leader',
      owner: 'b.1',
      ttl: CONFIG.leader.ttl,
    })

    assert.isEmpty(await loop.tick())
    assert.isEmpty(await executions())
    assert.containsSubset(await memory.leases.find('leader'), { owner: 'b.1' })
  })

  test('uses the term of a started loop and keeps it', async ({ assert }) => {
    const { clock, memory, loop, notices } = setup()
    await loop.start()
    await clock.settle()
    await addEvent(memory, clock)

    const ids = await loop.tick()

    assert.lengthOf(ids, 1)
    assert.isTrue(loop.isLeader)
    await loop.stop()
    assert.deepEqual(
      notices.names().filter((name) => name.startsWith('leader')),
      ['leader:acquired', 'leader:lost']
    )
  })

  test('a started loop that does not lead ticks nothing', async ({ assert }) => {
    const { clock, memory, loop, executions } = setup()
    await memory.leases.acquire({ now: clock.now(), name: 'leader', owner: 'b.1', ttl: 60_000 })
    await addEvent(memory, clock)
    await loop.start()

    assert.isEmpty(await loop.tick())
    await clock.advance(5 * SECOND)
    await loop.stop()
    assert.isEmpty(await executions())
  })

  test('ticks at once take turns and fire each slot once', async ({ assert }) => {
    const { clock, memory, loop, executions } = setup()
    await addEvent(memory, clock)

    const results = await Promise.all([loop.tick(), loop.tick(), loop.tick()])

    assert.lengthOf(results.flat(), 1)
    assert.lengthOf(await executions(), 1)
  })

  test('one asked for while the loop starts uses its term', async ({ assert }) => {
    const { clock, memory, loop } = setup()
    await addEvent(memory, clock)
    const starting = loop.start()

    await Promise.all([starting, loop.tick()])

    assert.isTrue(loop.isLeader)
    await loop.stop()
  })

  test('passes a failure on and gives the term back', async ({ assert }) => {
    const { loop, chaos, memory } = setup()
    chaos.fail('events.listDue')

    await assert.rejects(() => loop.tick(), /failed on demand/)
    assert.isNull(await memory.leases.find('leader'))
    assert.isEmpty(await loop.tick())
  })

  test('tells what it fired, also when its term cannot be given back', async ({ assert }) => {
    const { loop, chaos, memory, clock, logger } = setup()
    await addEvent(memory, clock)
    chaos.fail('leases.release')

    assert.lengthOf(await loop.tick(), 1)
    assert.include(logger.of('warn'), 'The term could not be given back; it ends by itself')
  })

  test('tells tracers of each tick', async ({ assert }) => {
    const { loop, nodeId } = setup()
    const nodes: string[] = []
    const listener = (message: unknown) => nodes.push((message as { node: string }).node)
    subscribe('tracing:almanac.tick:asyncEnd', listener)
    await loop.tick()
    unsubscribe('tracing:almanac.tick:asyncEnd', listener)

    assert.deepEqual(nodes, [nodeId])
  })

  test('a failed tick does not hold up the next', async ({ assert }) => {
    const { clock, memory, loop, chaos } = setup()
    await addEvent(memory, clock)
    chaos.fail('events.listDue')

    const [failed, second] = await Promise.allSettled([loop.tick(), loop.tick()])

    assert.equal(failed.status, 'rejected')
    assert.equal(second.status, 'fulfilled')
  })
})

test.group('Scheduler loop | a store that fails', () => {
  test('waits, goes on when the store is back, and loses nothing', async ({ assert }) => {
    const { clock, memory, loop, chaos, counters, executions, logger } = setup()
    await addEvent(memory, clock, { trigger: cron, nextRunAt: START + MINUTE })
    await loop.start()
    await clock.advance(30 * SECOND)
    chaos.outage()
    await clock.advance(10 * MINUTE)
    assert.isEmpty(await executions())
    assert.isFalse(loop.isLeader)
    assert.isAbove(counters.get('leader.failed'), 5)
    assert.isBelow(counters.get('leader.failed'), 200)
    chaos.heal()
    await clock.advance(15 * SECOND)

    const rows = await executions()
    assert.deepEqual(
      rows.map(({ state, slot, slotCount }) => [state, slot, slotCount]),
      [
        ['missed', START + MINUTE, 9],
        ['queued', START + 10 * MINUTE, 1],
      ]
    )
    await clock.advance(MINUTE)
    await loop.stop()
    assert.lengthOf(await executions(), 3)
    assert.isAtMost(logger.of('warn').length, 3, 'one warning per series of failures')
  })

  test('an answer that is lost after the work doubles nothing', async ({ assert }) => {
    const { clock, memory, loop, chaos, executions, counters } = setup()
    await addEvent(memory, clock, { trigger: cron, nextRunAt: START })
    chaos.fail('events.fire', { moment: 'after' })
    await loop.start()
    await clock.advance(2 * MINUTE)
    await loop.stop()

    const rows = await executions()
    assert.deepEqual(
      rows.map(({ slot }) => slot),
      [0, 1, 2].map((n) => START + n * MINUTE)
    )
    assert.equal(counters.get('slots.fired'), 2, 'the first was fired and not counted')
  })

  test('a start while the store is away is made good later', async ({ assert }) => {
    const { clock, memory, loop, chaos, executions } = setup()
    await addEvent(memory, clock)
    chaos.outage()
    await loop.start()
    assert.isFalse(loop.isLeader)
    await clock.advance(SECOND)
    chaos.heal()
    await clock.advance(CONFIG.leader.renew)

    assert.isTrue(loop.isLeader)
    await loop.stop()
    assert.isNotEmpty(await executions())
  })

  test('a term that cannot be given back is told, and stop ends', async ({ assert }) => {
    const { loop, chaos, logger } = setup()
    await loop.start()
    chaos.fail('leases.release')

    await loop.stop()

    assert.deepEqual(logger.of('warn'), ['The term could not be given back; it ends by itself'])
  })

  test('a journal that fails delays a problem report, not the slots', async ({ assert }) => {
    const { clock, memory, loop, chaos, executions } = setup()
    await addEvent(memory, clock, { id: 'a-broken', trigger: { kind: 'nonsense' } as never })
    await addEvent(memory, clock, { id: 'b', trigger: cron, nextRunAt: START })
    await loop.start()
    chaos.fail('journal.append', { times: 3 })
    await clock.advance(0)
    await clock.advance(5 * SECOND)
    await loop.stop()

    assert.lengthOf(await executions('b'), 1)
    const rows = await memory.journal.read({ after: 0, limit: 100 })
    assert.lengthOf(
      rows.filter(({ kind }) => kind === 'source.problem'),
      1
    )
  })
})
