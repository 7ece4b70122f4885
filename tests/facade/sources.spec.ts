import { test } from '@japa/runner'
import { Handler, schedule } from '../../src/handler.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage, createTestAlmanac, ManualClock } from '../../src/testing/main.ts'
import type { PullerOptions, PulledDefinition } from '../../src/scheduler/pullers/options.ts'
import type { HandlerClass } from '../../src/types/handlers.ts'

const START = '2026-01-05T12:00:00Z'
const MINUTE = 60_000
const hourly = { kind: 'interval', every: '1h' } as const
const daily = { kind: 'cron', expression: '0 6 * * *', timezone: 'UTC' } as const

@schedule({ trigger: hourly, payload: { list: 'staff' } })
class SendDigest extends Handler<{ list: string }> {
  handle() {}
}

@schedule({ name: 'morning', trigger: daily })
@schedule({ name: 'hourly', trigger: hourly, enabled: false })
class Twice extends Handler {
  handle() {}
}

class Inherits extends SendDigest {}

/** A process on a store that outlives it. */
async function process(place: { clock: ManualClock; storage: ChaosStorage }, handlers = {}) {
  const t = await createTestAlmanac({ ...place, handlers: { load: () => 1, ...handlers } })
  const { almanac } = t
  const state = async (source?: string) => {
    const events = await almanac.events.list({ source })
    return events.map(({ name, status, statusBy }) => `${name} ${status} by ${statusBy}`)
  }
  return { t, almanac, state, stop: () => almanac.shutdown({ deadline: 0 }) }
}

function world() {
  const clock = new ManualClock(START)
  return { clock, storage: new ChaosStorage(new MemoryStorage({ clock })) }
}

test.group('Sources | the code', () => {
  test('An event defined in code, changed in code and restarted', async ({ assert }) => {
    const shared = world()
    const first = await process(shared)
    first.almanac.schedule({ name: 'a', handler: 'load', trigger: hourly })
    first.almanac.schedule({ name: 'b', handler: 'load', trigger: hourly })
    await first.almanac.start()
    const [before] = await first.almanac.events.list()
    await first.stop()
    await shared.clock.advance(30 * MINUTE)

    const second = await process(shared)
    second.almanac.schedule({ name: 'a', handler: 'load', trigger: daily, priority: 2 })
    await second.almanac.start()
    const after = await second.almanac.events.get(before.id)
    assert.containSubset(after, { priority: 2, version: before.version + 1, runCount: 0 })
    assert.equal(after.nextRunAt, Date.parse('2026-01-06T06:00:00Z'))
    assert.deepEqual(await second.state(), ['a active by source', 'b paused by source'])
    await second.stop()

    const third = await process(shared)
    third.almanac.schedule({ name: 'a', handler: 'load', trigger: daily, priority: 2 })
    third.almanac.schedule({ name: 'b', handler: 'load', trigger: hourly })
    await third.almanac.start()
    assert.deepEqual(await third.state(), ['a active by source', 'b active by source'])
    assert.deepEqual(await third.almanac.events.get(before.id), after)
    await third.stop()
  })

  test('An event defined in code, changed at run time', async ({ assert }) => {
    const shared = world()
    const restart = async (trigger: typeof hourly | typeof daily) => {
      const next = await process(shared)
      next.almanac.schedule({ name: 'a', handler: 'load', trigger })
      await next.almanac.start()
      return next
    }
    const first = await restart(hourly)
    const [{ id }] = await first.almanac.events.list()
    await first.almanac.events.update(id, { priority: 1 })
    await first.stop()

    const same = await restart(hourly)
    assert.containSubset(await same.almanac.events.get(id), { priority: 1, status: 'active' })
    await same.almanac.events.pause(id, 'ann')
    await same.stop()

    const changed = await restart(daily)
    const after = await changed.almanac.events.get(id)
    assert.containSubset(after, { priority: null, status: 'paused', statusBy: 'user' })
    assert.equal(after.trigger.kind, 'cron')
    await changed.almanac.events.resume(id)
    assert.deepEqual(await changed.state(), ['a active by user'])
    await changed.stop()
  })

  test('@schedule defines events of the handlers that the process knows', async ({ assert }) => {
    const shared = world()
    const { almanac, stop } = await process(shared, { send_digest: SendDigest, twice: Twice })
    await almanac.start()
    const events = await almanac.events.list({ source: 'code' })
    assert.deepEqual(
      events.map(({ name, handler, status, payload }) => [name, handler, status, payload]),
      [
        ['hourly', 'twice', 'paused', null],
        ['morning', 'twice', 'active', null],
        ['send_digest', 'send_digest', 'active', { list: 'staff' }],
      ]
    )
    await stop()
    const without = await process(shared, { inherits: Inherits })
    await without.almanac.start()
    assert.deepEqual(await without.state(), [
      'hourly paused by source',
      'morning paused by source',
      'send_digest paused by source',
    ])
    await without.stop()
  })

  test('@schedule works as a standard decorator', async ({ assert }) => {
    class Plain extends Handler {
      handle() {}
    }
    const decorate = schedule({ trigger: hourly }) as (
      target: HandlerClass,
      context: object
    ) => void
    decorate(Plain, { kind: 'class', name: 'Plain' })
    const { almanac, stop } = await process(world(), { plain: Plain })
    await almanac.start()
    assert.isNotNull(await almanac.events.findByName('plain', 'code'))
    await stop()
  })

  test('a bad one is a problem alone', async ({ assert }) => {
    const broken = { kind: 'cron', expression: 'no', timezone: 'UTC' } as const

    @schedule({ trigger: hourly })
    @schedule({ trigger: daily })
    @schedule({ name: 'broken', trigger: broken })
    @schedule({ name: 'number', trigger: hourly, payload: Number.NaN })
    @schedule({ name: 'taken', trigger: daily })
    @schedule({ name: 'good', trigger: hourly })
    class Many extends Handler {
      handle() {}
    }
    const { almanac, stop, state } = await process(world(), { many: Many })
    almanac.schedule({ name: 'taken', handler: 'load', trigger: hourly })
    await almanac.start()
    assert.deepEqual(await state(), ['good active by source', 'taken active by source'])
    const { problems } = await almanac.status()
    const told = problems.map(({ part, message }) => `${part}: ${message}`).join('\n')
    assert.match(told, /event "many" of @schedule: several @schedule stand on handler "many"/)
    assert.match(told, /event "broken" of @schedule: .*trigger.expression \(no\)/)
    assert.match(told, /event "number" of @schedule: .*cannot be stored as JSON/)
    assert.match(
      told,
      /event "taken" of start.almanac.ts: the code defines an event "taken" already/
    )
    await stop()
  })
})

/** An API whose answers a test decides. */
function api() {
  const calls: AbortSignal[] = []
  let answer: () => unknown = () => []
  return {
    calls,
    gives: (...names: (string | object)[]) => {
      const define = (name: string) => ({ name, handler: 'load', trigger: hourly })
      answer = () => names.map((name) => (typeof name === 'string' ? define(name) : name))
    },
    answers: (next: () => unknown) => void (answer = next),
    options: (overrides: Partial<PullerOptions> = {}): PullerOptions => ({
      name: 'crm',
      interval: '1m',
      timeout: '10s',
      ...overrides,
      fetch: async (signal) => {
        calls.push(signal)
        return answer() as Promise<PulledDefinition[]>
      },
    }),
  }
}

async function pulling(overrides: Partial<PullerOptions> = {}) {
  const shared = world()
  const crm = api()
  const node = await process(shared)
  node.almanac.addPuller(crm.options(overrides))
  const events = () => node.state('api:crm')
  const puller = async () => {
    const { pullers } = await node.almanac.status()
    return pullers[0]
  }
  return { ...shared, ...node, shared, crm, events, puller }
}

test.group('Sources | an API', () => {
  test('its events are kept in step', async ({ assert }) => {
    const { almanac, clock, crm, events, puller, stop } = await pulling()
    crm.gives('a', 'b')
    await almanac.start()
    await clock.settle()
    assert.deepEqual(await events(), ['a active by source', 'b active by source'])
    const [a] = await almanac.events.list()
    crm.gives('a', { name: 'b', handler: 'load', trigger: daily }, 'c')
    await clock.advance(MINUTE)
    assert.lengthOf(crm.calls, 2)
    assert.lengthOf(await events(), 3)
    assert.deepEqual(await almanac.events.get(a.id), a)
    crm.gives('a')
    await clock.advance(MINUTE)
    assert.deepEqual(await events(), [
      'a active by source',
      'b paused by source',
      'c paused by source',
    ])
    assert.containSubset(await puller(), {
      source: 'api:crm',
      holds: true,
      lastSuccessAt: clock.now(),
      lastError: null,
      definitions: 1,
      refused: 0,
    })
    await stop()
    assert.equal(clock.pending, 0)
  })

  test('One synced from an API that goes away', async ({ assert }) => {
    const { t, almanac, clock, crm, events, puller, stop } = await pulling()
    crm.gives('a', 'b')
    await almanac.start()
    await clock.settle()
    const lastSuccessAt = clock.now()
    crm.answers(() => Promise.reject(new Error('connect ECONNREFUSED')))
    await clock.advance(10 * MINUTE)
    assert.deepEqual(await events(), ['a active by source', 'b active by source'])
    const failing = await puller()
    assert.containSubset(failing, { lastSuccessAt, lastError: 'connect ECONNREFUSED' })
    assert.isAbove(failing.failures, 3)
    assert.lengthOf(t.logger.messages('error'), 1)
    const entries = await t.storage.journal.read({ after: 0, limit: 100 })
    const problems = entries.filter(({ kind }) => kind === 'source.problem')
    assert.containSubset(problems, [{ subject: 'api:crm', after: { message: failing.lastError } }])
    assert.lengthOf(problems, 1)
    const status = await almanac.status()
    assert.containSubset(status.problems, [{ part: 'source api:crm', count: failing.failures }])
    assert.equal(status.counters['sources.api:crm.errors'], failing.failures)

    crm.gives('a')
    await clock.advance(20 * MINUTE)
    assert.deepEqual(await events(), ['a active by source', 'b paused by source'])
    assert.containSubset(await puller(), { failures: 0, lastError: 'connect ECONNREFUSED' })
    const healed = await almanac.status()
    assert.deepEqual(healed.problems, [])
    await stop()
  })

  test('waits longer from failure to failure, up to its limit', async ({ assert }) => {
    const { almanac, clock, crm, stop } = await pulling({ maxBackoff: '2m' })
    crm.answers(() => 'no list')
    await almanac.start()
    const waits: number[] = []
    let last = clock.now()
    for (let calls = 1; calls <= 8; calls++) {
      while (crm.calls.length <= calls) {
        await clock.advance(1_000)
      }
      waits.push((clock.now() - last) / 1_000)
      last = clock.now()
    }
    const expected = [10, 20, 40, 80, 120, 120, 120, 120]
    waits.forEach((wait, n) => {
      assert.isAtLeast(wait, expected[n] * 0.8)
      assert.isAtMost(wait, expected[n] * 1.2 + 1)
    })
    await stop()
  })

  test('an answer that does not come is given up', async ({ assert }) => {
    const { almanac, clock, crm, puller, stop } = await pulling()
    crm.answers(() => new Promise(() => {}))
    await almanac.start()
    await clock.advance(10_000)
    assert.isTrue(crm.calls[0].aborted)
    const { lastError } = await puller()
    assert.equal(lastError, 'Source "api:crm" did not answer within 10000 ms')
    await clock.advance(11_000)
    const stopping = stop()
    await clock.advance(0)
    await stopping
    assert.isTrue(crm.calls.at(-1)!.aborted)
    assert.equal(clock.pending, 0)
  })

  test('an empty answer is no empty set, unless it is said so', async ({ assert }) => {
    const { almanac, clock, crm, events, puller, stop } = await pulling()
    await almanac.start()
    await clock.settle()
    assert.containSubset(await puller(), { failures: 0, definitions: 0 })
    crm.gives('a')
    await clock.advance(MINUTE)
    crm.gives()
    await clock.advance(MINUTE)
    assert.deepEqual(await events(), ['a active by source'])
    const { lastError } = await puller()
    assert.match(String(lastError), /no definition at all, and 1 events of it are here/)
    await stop()

    const allowed = await pulling({ allowEmpty: true, missing: 'delete' })
    allowed.crm.gives('a')
    await allowed.almanac.start()
    await allowed.clock.settle()
    allowed.crm.gives()
    await allowed.clock.advance(MINUTE)
    assert.deepEqual(await allowed.events(), [])
    await allowed.stop()
  })

  test('each bad definition is refused alone, and its event stays', async ({ assert }) => {
    const { almanac, clock, crm, events, puller, stop } = await pulling()
    crm.gives('a', 'b', 'c')
    await almanac.start()
    await clock.settle()
    crm.gives('a', { name: 'b', handler: 'load', trigger: { kind: 'moon' } }, 'd')
    await clock.advance(MINUTE)
    assert.deepEqual(await events(), [
      'a active by source',
      'b active by source',
      'c paused by source',
      'd active by source',
    ])
    assert.containSubset(await puller(), { refused: 1, firstRefused: { key: 'b' }, failures: 0 })
    const { problems } = await almanac.status()
    assert.match(problems[0].message, /1 refused, the first is "b": .*trigger.kind/)

    crm.gives('a', { handler: 'load', trigger: hourly })
    await clock.advance(MINUTE)
    assert.deepEqual(await events(), [
      'a active by source',
      'b active by source',
      'c paused by source',
      'd active by source',
    ])
    await stop()
  })

  test('keys and hashes in numbers, and fields in another order, are taken', async ({ assert }) => {
    const { almanac, clock, crm, puller, stop } = await pulling()
    const numbered = { key: 7, name: 'seven', handler: 'load', trigger: hourly, hash: 3 }
    const plain = { name: 'plain', handler: 'load', trigger: hourly }
    const long = { ...plain, name: 'long', hash: 'x'.repeat(129) }
    crm.gives(numbered, plain, long)
    await almanac.start()
    await clock.settle()
    const turned = Object.fromEntries(Object.entries(plain).reverse())
    crm.gives(numbered, turned, long)
    await clock.advance(MINUTE)
    const found = await almanac.events.list({ source: 'api:crm' })
    assert.deepEqual(
      found.map(({ name, sourceKey, version }) => [name, sourceKey, version]),
      [
        ['plain', 'plain', 1],
        ['seven', '7', 1],
      ]
    )
    assert.containSubset(await puller(), { refused: 1, firstRefused: { key: 'long' }, failures: 0 })
    await stop()
  })

  test('of several nodes one asks; another goes on when it is gone', async ({ assert }) => {
    const { shared, almanac, clock, crm, stop } = await pulling()
    crm.gives('a')
    const other = await process(shared)
    const second = api()
    second.gives('a')
    other.almanac.addPuller(second.options())
    await almanac.start()
    await clock.settle()
    await other.almanac.start()
    await clock.advance(10 * MINUTE)
    assert.lengthOf(crm.calls, 11)
    assert.lengthOf(second.calls, 0)
    const seen = await other.almanac.status()
    assert.containSubset(seen.pullers, [{ name: 'crm', holds: true, definitions: 1 }])
    assert.lengthOf(seen.pullers, 1)
    await stop()
    await clock.advance(MINUTE)
    assert.isAbove(second.calls.length, 0)
    await other.stop()
  })

  test('a late answer of a node that lost its lease is dropped', async ({ assert }) => {
    const { shared, almanac, clock, storage, crm, events, stop } = await pulling()
    crm.gives('new')
    await almanac.start()
    await clock.settle()
    const late = Promise.withResolvers<unknown>()
    crm.answers(() => late.promise)
    await clock.advance(MINUTE)
    const lease = await storage.leases.find('puller:crm')
    const { name, owner, term } = lease!
    await storage.leases.release({ now: clock.now(), name, owner, term })
    const now = clock.now()
    await storage.leases.acquire({ now, name, owner: 'other.1', ttl: 10 * MINUTE })
    late.resolve([{ name: 'old', handler: 'load', trigger: hourly }])
    await clock.settle()
    assert.deepEqual(await events(), ['new active by source'])
    assert.equal(shared.clock, clock)
    await stop()
  })

  test('a single round asks too, and lets go', async ({ assert }) => {
    const { almanac, storage, crm, events, stop } = await pulling()
    crm.gives('a')
    await almanac.once()
    assert.deepEqual(await events(), ['a active by source'])
    assert.lengthOf(crm.calls, 1)
    const lease = await storage.leases.find('puller:crm')
    assert.isNull(lease)
    await stop()
  })

  test('options that are not valid are refused, and a name given twice', async ({ assert }) => {
    const { almanac, crm, stop } = await pulling()
    assert.throws(() => almanac.addPuller(crm.options()), /"api:crm" is added twice/)
    const wrong = { name: 'a b', fetch: 1, interval: 'often', missing: 'keep', every: 1 } as never
    try {
      almanac.addPuller(wrong)
      assert.fail('it was taken')
    } catch (error) {
      for (const field of [
        'name (a b)',
        'fetch (1)',
        'interval (often)',
        'missing (keep)',
        'every',
      ]) {
        assert.include((error as Error).message, field)
      }
    }
    await stop()
  })
})
