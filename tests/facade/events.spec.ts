import { test } from '@japa/runner'
import { createTestAlmanac } from '../../src/testing/factory.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'

const START = Date.UTC(2026, 0, 5, 12)
const every = (duration: string) => ({ kind: 'interval' as const, every: duration })

function opened(config = {}) {
  const clock = new ManualClock(START)
  const memory = new MemoryStorage({ clock })
  const payloads: unknown[] = []
  const load = ({ payload }: { payload: unknown }) => void payloads.push(payload)
  const made = createTestAlmanac({ clock, storage: memory, handlers: { load }, config })
  return { clock, memory, payloads, made }
}

test.group('Facade | events', () => {
  test('profiles, subject and meta reach the execution, and the history is found by subject', async ({
    assert,
  }) => {
    const { payloads, made } = opened({ profiles: { north: { region: 'north', limit: 5 } } })
    await using t = await made
    const { almanac } = t
    const definition = { name: 'sales', handler: 'load', trigger: every('1h') }
    const about = { subject: 'customer 7', meta: { owner: 'anna' } }
    await almanac.events.create({
      ...definition,
      profile: 'north',
      payload: { limit: 9 },
      ...about,
    })
    await t.tick('1h')
    await almanac.enqueue('load', { by: 'hand' }, { ...about, meta: { owner: 'bert' } })
    await almanac.enqueue('load', null, { subject: 'customer 8' })
    await t.tick()

    assert.deepEqual(payloads, [{ region: 'north', limit: 9 }, { by: 'hand' }, null])
    const found = await almanac.history({ subject: 'customer 7' })
    assert.deepEqual(
      found.map(({ meta, payload }) => [meta, payload]),
      [
        [{ owner: 'bert' }, { by: 'hand' }],
        [{ owner: 'anna' }, { region: 'north', limit: 9 }],
      ]
    )
    await assert.rejects(() => almanac.enqueue('load', 1, { meta: [1] as never }), /meta .*object/)
    await assert.rejects(() => almanac.enqueue('load', 1, { subject: '' }), /subject \(\)/)
    await assert.rejects(() => almanac.history({ subject: 7 as never }), /subject \(7\)/)
  })

  test('a row that plain SQL changed is noticed within the interval', async ({ assert }) => {
    const { clock, memory, made } = opened({ changeCheckInterval: '10s' })
    await using t = await made
    const { almanac, recorder } = t
    const event = await almanac.events.create({
      ...{ name: 'sales', handler: 'load', trigger: every('1h') },
    })
    await almanac.start()
    await clock.settle()
    memory.tamper(event.id, { trigger: { kind: 'interval', every: 20_000 } })
    await clock.advance(10_000)
    await clock.settle()
    const noticed = await almanac.events.get(event.id)
    assert.equal(noticed.nextRunAt, START + 20_000)
    assert.lengthOf(recorder.of('event:updated'), 1)
    await almanac.stop({ deadline: 0 })
  })

  test('a node that does not lead leaves the check to the one that does', async ({ assert }) => {
    const { clock, memory, made } = opened({ changeCheckInterval: '10s' })
    await using t = await made
    await using other = await createTestAlmanac({
      ...{ clock, storage: memory, handlers: { load: () => {} } },
      config: { node: 'other', changeCheckInterval: '10s' },
    })
    await t.almanac.start()
    await other.almanac.start()
    await clock.settle()
    const leads = await Promise.all([t, other].map(({ almanac }) => almanac.status()))
    assert.deepEqual(
      leads.map(({ isLeader }) => isLeader),
      [true, false]
    )
    const event = await t.almanac.events.create({
      ...{ name: 'sales', handler: 'load', trigger: every('1h') },
    })
    memory.tamper(event.id, { priority: 3 })
    await clock.advance(10_000)
    await clock.settle()
    assert.lengthOf(t.recorder.of('event:updated'), 1)
    assert.lengthOf(other.recorder.of('event:updated'), 0)
    await Promise.all([t, other].map(({ almanac }) => almanac.stop({ deadline: 0 })))
  })

  test('what the docs show works through the facade', async ({ assert }) => {
    const { made } = opened({ profiles: { north: { region: 'north' } } })
    await using t = await made
    const { events } = t.almanac
    const input = { name: 'sales', handler: 'load', trigger: every('1h'), tags: ['nightly'] }
    const { event, created } = await events.upsert(input, 'anna')
    assert.isTrue(created)
    const skipped = await events.skipNext(event.id, 'anna')
    assert.isAbove(skipped.nextRunAt!, event.nextRunAt!)
    const copy = await events.clone(event.id, { name: 'sales south', enabled: true }, 'anna')
    const { changed } = await events.pauseMany({ tag: 'nightly' }, 'anna')
    assert.sameMembers(changed, [event.id, copy.id])
    await events.resumeMany({ tag: 'nightly' }, 'anna')
    const page = await events.page({ status: 'active', sort: 'nextRunAt', limit: 1 })
    const rest = await events.page({
      ...{ status: 'active', sort: 'nextRunAt', limit: 1 },
      cursor: page.next!,
    })
    assert.isNull(rest.next)
    assert.notEqual(page.events[0].id, rest.events[0].id)
    const done = await events.complete(copy.id, 'anna')
    assert.equal(done.status, 'completed')
    const removed = await events.deleteMany({ source: 'api' }, 'anna')
    assert.lengthOf(removed.changed, 2)
  })
})
