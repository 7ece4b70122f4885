import { test } from '@japa/runner'
import { definition, hourly, setup, SOURCE, sync } from './support.ts'
import { E_STORAGE_UNAVAILABLE } from '../../src/errors.ts'

async function filled() {
  const app = setup()
  const make = (name: string, tags: string[]) => app.events.create({ ...hourly, name, tags })
  const [a, b, c] = [
    await make('a', ['night']),
    await make('b', ['night', 'x']),
    await make('c', []),
  ]
  return { ...app, a, b, c }
}

test.group('Event manager | many at once', () => {
  test('pauses, resumes and cancels by tag, each judged alone', async ({ assert }) => {
    const { events, a, b, c } = await filled()
    await events.pause(a.id)
    assert.deepEqual(await events.pauseMany({ tag: 'night' }, 'anna'), {
      changed: [b.id],
      unchanged: [a.id],
      failed: [],
    })
    const resumed = await events.resumeMany({ tag: ['night', 'x'] }, 'anna')
    assert.deepEqual(resumed.changed, [b.id])
    await events.complete(b.id)
    const cancelled = await events.cancelMany({ tag: 'night' }, 'anna')
    assert.deepEqual(cancelled.changed, [a.id])
    assert.deepEqual(cancelled.failed, [
      {
        id: b.id,
        name: 'b',
        code: 'E_EVENT_TRANSITION',
        message: `Event "${b.id}" is completed and cannot be cancelled`,
      },
    ])
    const untouched = await events.get(c.id)
    assert.equal(untouched.version, 1)
  })

  test('a source is paused by hand, and stays so through its syncs', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('k1'), definition('k2', { enabled: false }))
    const paused = await app.events.pauseMany({ source: SOURCE }, 'anna')
    assert.lengthOf(paused.changed, 2)
    await sync(app, definition('k1', { hash: 'other' }), definition('k2', { hash: 'other' }))
    const events = await app.events.list({ source: SOURCE })
    assert.deepEqual(
      events.map(({ status, statusBy }) => [status, statusBy]),
      [
        ['paused', 'user'],
        ['paused', 'user'],
      ]
    )
  })

  test('deletes many, whatever their number, and journals each', async ({ assert }) => {
    const app = setup()
    for (let count = 0; count < 1_101; count++) {
      await app.events.create({ ...hourly, name: `n${count}`, tags: ['gone'] })
    }
    const kept = await app.events.create(hourly)
    const { changed, failed } = await app.events.deleteMany({ tag: 'gone' }, 'anna')
    assert.deepEqual([changed.length, failed.length], [1_101, 0])
    const left = await app.events.list()
    assert.deepEqual(
      left.map(({ id }) => id),
      [kept.id]
    )
    assert.lengthOf(app.notices.of('event:deleted'), 1_101)
  })

  test('with the store away the rest is listed as failed, without waiting for each', async ({
    assert,
  }) => {
    const { events, storage, a, b } = await filled()
    const error = new E_STORAGE_UNAVAILABLE(['events.update', 'gone'])
    storage.fail('events.update', { error })
    const { changed, failed } = await events.pauseMany({ tag: 'night' })
    assert.isEmpty(changed)
    assert.deepEqual(
      failed.map(({ id, code }) => [id, code]),
      [
        [a.id, 'E_STORAGE_UNAVAILABLE'],
        [b.id, 'E_STORAGE_UNAVAILABLE'],
      ]
    )
    assert.equal(storage.calls('events.update'), 1)
  })
})

test.group('Event manager | upsert, clone and pages', () => {
  test('upsert creates, leaves alone what is so, and gives the whole definition', async ({
    assert,
  }) => {
    const { events, kinds } = setup()
    const input = { ...hourly, priority: 2, tags: ['b', 'a'], payload: { n: 1 } }
    const first = await events.upsert(input, 'anna')
    assert.isTrue(first.created)
    const same = await events.upsert({ ...input, tags: ['a', 'b'] }, 'anna')
    assert.deepEqual(same, { event: first.event, created: false })
    await events.pause(first.event.id)
    const { event, created } = await events.upsert({ ...hourly, enabled: true }, 'anna')
    assert.deepEqual([created, event.priority, event.tags, event.payload], [false, null, [], null])
    assert.equal(event.status, 'paused')
    assert.deepEqual(await kinds(), ['event.created', 'event.paused', 'event.updated'])
    await events.cancel(event.id)
    await assert.rejects(() => events.upsert(hourly), /is cancelled and cannot be updated/)
  })

  test('of two upserts at once one creates', async ({ assert }) => {
    const { events } = setup()
    const results = await Promise.all([
      events.upsert(hourly),
      events.upsert({ ...hourly, priority: 7 }),
    ])
    assert.deepEqual(results.map(({ created }) => created).sort(), [false, true])
    assert.lengthOf(await events.list(), 1)
  })

  test('a copy has the definition, a name of its own and no history', async ({ assert }) => {
    const app = setup()
    const { events } = app
    const { added } = await sync(app, definition('k', { meta: { m: 1 }, tags: ['t'], maxRuns: 3 }))
    await app.events.trigger(added[0].id)
    const copy = await events.clone(added[0].id, { priority: 2 }, 'anna')
    assert.deepEqual(
      [copy.name, copy.source, copy.status, copy.priority, copy.maxRuns, copy.meta, copy.tags],
      ['k (copy)', 'api', 'paused', 2, 3, { m: 1 }, ['t']]
    )
    assert.isEmpty(await app.executions(copy.id))
    const second = await events.clone(added[0].id, { enabled: true })
    assert.deepEqual([second.name, second.status], ['k (copy 2)', 'active'])
    await assert.rejects(() => events.clone(copy.id, { name: 'k (copy)' }), /exists already/)
    await assert.rejects(() => events.clone(copy.id, { meta: 1 } as never), /give an object/)
    await assert.rejects(() => events.clone('nobody'), 'There is no event "nobody"')
  })

  test('pages follow each other by a cursor, and filters narrow them', async ({ assert }) => {
    const { events } = setup()
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await events.create({ ...hourly, name, tags: name === 'c' ? [] : ['t'], subject: 's' })
    }
    const first = await events.page({ tag: 't', subject: 's', limit: 2, order: 'desc' })
    assert.deepEqual(
      first.events.map(({ name }) => name),
      ['e', 'd']
    )
    await events.create({ ...hourly, name: 'f', tags: ['t'], subject: 's' })
    const filter = { tag: 't', subject: 's', limit: 2, order: 'desc', cursor: first.next! } as const
    const second = await events.page(filter)
    assert.deepEqual(
      second.events.map(({ name }) => name),
      ['b', 'a']
    )
    assert.isNull(second.next)
    const byName = await events.list({ after: 'd', status: ['active', 'paused'] })
    assert.deepEqual(
      byName.map(({ name }) => name),
      ['e', 'f']
    )
  })
})

test.group('Event manager | profiles, meta and subject', () => {
  test('a run gets the payload of the profile with the own one over it', async ({ assert }) => {
    const app = setup()
    const payload = { limits: { rows: 5 }, tags: ['b', 'c'], extra: null }
    const event = await app.events.create({ ...hourly, profile: 'north', payload, subject: 's' })
    assert.deepEqual(event.payload, payload)
    const run = await app.events.trigger(event.id)
    const merged = {
      ...{ region: 'north', limits: { rows: 5, days: 3 } },
      ...{ tags: ['b', 'c'], extra: null },
    }
    assert.deepEqual([run.payload, run.subject, run.meta], [merged, 's', null])
    const own = { payload: { region: 'south' }, meta: { why: 'test' }, subject: 'other' }
    const other = await app.events.trigger(event.id, { ...own, by: 'anna' })
    assert.deepEqual(other.payload, { region: 'south', limits: { rows: 10, days: 3 }, tags: ['a'] })
    assert.deepEqual([other.meta, other.subject], [{ why: 'test' }, 'other'])
    const bare = await app.events.update(event.id, { payload: null })
    const last = await app.events.trigger(bare.id)
    assert.deepEqual(last.payload, { region: 'north', limits: { rows: 10, days: 3 }, tags: ['a'] })
  })

  test('keys of a payload are data, also the odd ones', async ({ assert }) => {
    const app = setup()
    const payload = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')
    const event = await app.events.create({ ...hourly, profile: 'north', payload })
    const run = await app.events.trigger(event.id)
    assert.include(JSON.stringify(run.payload), '"__proto__":{"polluted":true}')
    assert.isUndefined(({} as { polluted?: boolean }).polluted)
  })

  test('a payload that is no object replaces the whole profile', async ({ assert }) => {
    const app = setup()
    const event = await app.events.create({ ...hourly, profile: 'north', payload: [1, 2] })
    const run = await app.events.trigger(event.id)
    assert.deepEqual(run.payload, [1, 2])
  })
})
