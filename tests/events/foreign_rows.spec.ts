import { test } from '@japa/runner'
import { EventManager } from '../../src/events/event_manager.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { TriggerManager } from '../../src/triggers/trigger_manager.ts'
import { makeNode } from '../loop/loop_support.ts'
import { field, mapped } from '../../src/testing/storage_suite/context.ts'
import { createDatabase } from '../storage/support.ts'
import {
  at,
  definition,
  handlers,
  HOUR,
  hourly,
  Lines,
  NOW,
  Notices,
  setup,
  sync,
} from './support.ts'
import type { EventRecord } from '../../src/types/events.ts'

const trigger = (expression: string) => ({ ...hourly.trigger, expression })

test.group('Events | rows changed by plain SQL', () => {
  test('a valid change gets its next slot anew, is journalled and announced once', async ({
    assert,
  }) => {
    const app = setup()
    const { events, memory } = app
    const { id } = await events.create(hourly)
    const other = await events.create({ ...hourly, name: 'other' })
    memory.tamper(id, { trigger: trigger('45 * * * *'), priority: 3 })
    app.notices.clear()

    assert.equal(await events.checkRows(), 1)
    assert.equal(await events.checkRows(), 0)

    const after = await events.get(id)
    assert.deepEqual([after.nextRunAt, after.priority, after.version], [at('06:45:00'), 3, 2])
    const entry = await app.lastEntry()
    assert.deepEqual([entry.kind, entry.actor, entry.subject], ['event.updated', 'plain SQL', id])
    assert.deepEqual(app.notices.names(), ['event:updated'])
    assert.deepEqual(await events.get(other.id), other)
    assert.isAbove(app.woken.count, 2)
  })

  test('an invalid row is told of once and not fired, until it is corrected', async ({
    assert,
  }) => {
    const app = setup()
    const { events, memory, clock, storage } = app
    const { id } = await events.create(hourly)
    const sound = await events.create({ ...hourly, name: 'sound' })
    const { loop } = makeNode({ storage, clock })
    memory.tamper(id, { trigger: trigger('99 * * * *'), priority: 77, tags: ['not ok'] })
    assert.equal(await events.checkRows(), 1)
    assert.equal(await events.checkRows(), 0)

    const { problem } = await events.get(id)
    assert.match(problem!, /trigger\.expression \(99 \* \* \* \*\)/)
    assert.match(problem!, /tags\[0\] \(not ok\)/)
    assert.match(problem!, /priority \(77\)/)
    assert.lengthOf(app.notices.of('event:problem'), 1)
    assert.equal(app.notices.of('event:problem')[0].problem, problem)
    const kinds = await app.kinds()
    assert.lengthOf(
      kinds.filter((kind) => kind === 'event.problem'),
      1
    )
    assert.lengthOf(app.logger.of('error'), 1)
    await clock.advance(HOUR)
    assert.lengthOf(await loop.tick(), 1)
    assert.isEmpty(await app.executions(id))
    assert.lengthOf(await app.executions(sound.id), 1)

    memory.tamper(id, { trigger: trigger('0 * * * *'), priority: 7, tags: ['ok'] })
    await events.checkRows()
    const mended = await events.get(id)
    assert.deepEqual([mended.problem, mended.nextRunAt], [null, at('08:00:00')])
    const rows = await app.executions(id)
    assert.deepEqual(
      rows.map(({ slot, state }) => [slot, state]),
      [[at('07:00:00'), 'queued']]
    )
    assert.deepEqual(await mapped(events.list({ tag: 'ok' }), (event) => event.id), [id])
  })

  test('an update through the API corrects a row, and must correct all of it', async ({
    assert,
  }) => {
    const { events, memory } = setup()
    const { id } = await events.create(hourly)
    memory.tamper(id, { priority: 77, retries: -1 })
    await events.checkRows()
    await assert.rejects(() => events.update(id, { priority: 5 }), /retries \(-1\)/)
    const mended = await events.update(id, { priority: 5, retries: 1 })
    assert.isNull(mended.problem)
    assert.equal(await events.checkRows(), 0)
  })

  test('nothing is run of a row that is not valid, and it can still be ended', async ({
    assert,
  }) => {
    const app = setup()
    const { events, memory, clock } = app
    const bad = await events.create({ ...hourly, misfire: { policy: 'all' } })
    const mended = await events.create({ ...hourly, name: 'mended' })
    memory.tamper(bad.id, { trigger: trigger('99 * * * *') })
    memory.tamper(mended.id, { priority: 77 })
    await events.checkRows()
    await assert.rejects(() => events.trigger(bad.id), /as plain SQL left it.*minute: 99/)
    await assert.rejects(() => events.trigger(mended.id), /priority \(77\)/)

    await clock.advance(HOUR)
    await events.update(mended.id, { priority: 5 })
    const [row] = await app.executions(mended.id)
    assert.deepEqual([row.state, row.reason, row.slot], ['missed', 'misfire', at('07:00:00')])

    const ended = await events.complete(bad.id)
    assert.deepEqual([ended.status, ended.completedAt], ['completed', clock.now()])
  })

  test('a status that was written by hand counts as set by hand', async ({ assert }) => {
    const app = setup()
    const { events, memory, clock } = app
    await sync(app, definition('k1'), definition('k2'), definition('k3'), definition('k4'))
    const [k1, k2, k3, k4] = await events.list()
    const state = ({ status, statusBy, nextRunAt }: EventRecord) => [status, statusBy, nextRunAt]
    memory.tamper(k1.id, { status: 'paused' })
    memory.tamper(k2.id, { status: 'cancelled' })
    memory.tamper(k3.id, { status: 'completed' })
    memory.tamper(k4.id, { status: 'stopped' as never })
    await events.checkRows()
    const paused = await events.get(k1.id)
    assert.deepEqual(state(paused), ['paused', 'user', at('07:00:00')])
    assert.equal(paused.pausedAt, NOW)
    assert.equal(await field(events.get(k2.id), 'cancelledAt'), NOW)
    assert.deepEqual(state(await events.get(k3.id)), ['completed', 'source', null])
    assert.match(
      (await field(events.get(k4.id), 'problem'))!,
      /status \(stopped\): write active, paused/
    )
    await sync(app, definition('k1', { hash: 'x' }), definition('k2', { hash: 'x' }))
    assert.equal(await field(events.get(k1.id), 'status'), 'paused')
    assert.equal(await field(events.get(k2.id), 'status'), 'cancelled')

    await clock.advance(2 * HOUR)
    memory.tamper(k1.id, { status: 'active' })
    await events.checkRows()
    const back = await events.get(k1.id)
    assert.deepEqual(state(back), ['active', 'user', at('09:00:00')])
    assert.deepEqual([back.pausedAt, back.resumedAt], [null, clock.now()])
    const rows = await app.executions(k1.id)
    assert.deepEqual(
      rows.map(({ reason, slotCount }) => [reason, slotCount]),
      [['paused', 2]]
    )
  })

  test('a due row is judged before it is fired', async ({ assert }) => {
    const app = setup()
    const { events, memory, clock, storage } = app
    const bad = await events.create(hourly)
    const good = await events.create({ ...hourly, name: 'good' })
    const { loop } = makeNode({
      storage,
      clock,
      absorb: (event, found) => events.absorb(event, found),
    })
    memory.tamper(bad.id, { overlap: 'sometimes' as never })
    memory.tamper(good.id, { priority: 1 })
    await clock.advance(HOUR)
    assert.isEmpty(await loop.tick())
    assert.isEmpty(await app.executions(bad.id))
    const [run, ...others] = await app.executions(good.id)
    assert.isEmpty(others)
    assert.deepEqual([run.slot, run.priority], [at('07:00:00'), 1])
    await clock.advance(HOUR)
    await loop.tick()
    const slots = await app.executions(good.id)
    assert.deepEqual(
      slots.map(({ slot, reason }) => [slot, reason]),
      [
        [at('07:00:00'), null],
        [at('08:00:00'), 'overlap'],
      ]
    )
  })

  test('a row that moves meanwhile is left to the next look', async ({ assert }) => {
    const { events, memory, storage } = setup()
    const { id } = await events.create(hourly)
    memory.tamper(id, { priority: 3 })
    const release = storage.hold('events.update')
    const checking = events.checkRows()
    while (storage.calls('events.update') === 0) {
      await Promise.resolve()
    }
    memory.tamper(id, { priority: 4 })
    release()
    await checking
    assert.equal(await field(events.get(id), 'version'), 1)
    await events.checkRows()
    const after = await events.get(id)
    assert.deepEqual([after.version, after.priority], [2, 4])
  })

  test('rows of before there were hashes are adopted in silence; new ones get their slot', async ({
    assert,
  }) => {
    const app = setup()
    const { events, memory } = app
    const old = await events.create(hourly)
    const inserted = await events.create({ ...hourly, name: 'inserted' })
    memory.tamper(old.id, { rowHash: null })
    memory.tamper(inserted.id, { rowHash: null, nextRunAt: null })
    assert.equal(await events.checkRows(), 1)
    assert.deepEqual(await events.get(old.id), old)
    assert.equal(await field(events.get(inserted.id), 'nextRunAt'), at('07:00:00'))
    assert.equal(await events.checkRows(), 0)
  })

  test('a name that is taken is a problem of its row alone', async ({ assert }) => {
    const { events, memory, clock } = setup()
    await events.create({ ...hourly, name: 'taken' })
    const { id } = await events.create(hourly)
    memory.tamper(id, { name: 'taken' })
    await events.checkRows()
    assert.match((await field(events.get(id), 'problem'))!, /"taken" exists already/)
    assert.equal(clock.now(), NOW)
  })

  test('on a database: texts that are no JSON stand in nobody’s way', async ({
    assert,
    cleanup,
  }) => {
    const database = await createDatabase()
    cleanup(() => database.cleanup())
    const [storage, clock, notices] = [database.storage(), new ManualClock(NOW), new Notices()]
    const events = new EventManager({
      ...{ storage, clock, notifier: notices, logger: new Lines(), handlers },
      triggers: new TriggerManager(),
      config: { maxPayload: 1_000, maxMeta: 1_000, profiles: {} },
      wake: () => {},
    })
    const { loop } = makeNode({
      storage,
      clock,
      absorb: (event, found) => events.absorb(event, found),
    })
    const broken = await events.create({ ...hourly, name: 'broken', payload: { n: 1 } })
    const sound = await events.create({ ...hourly, name: 'sound', tags: ['t'] })
    const write = (column: string, value: string) =>
      database.lucid.rawQuery(`update almanac_events set ${column} = ? where id = ?`, [
        value,
        broken.id,
      ])
    await write('trigger_def', '{"kind": "cron",')
    await write('payload', 'select 1')
    assert.lengthOf(await events.list(), 2)
    await clock.advance(HOUR)
    await loop.tick()
    const runs = await storage.executions.list({})
    assert.deepEqual(
      runs.map(({ eventId }) => eventId),
      [sound.id]
    )
    const { problem } = await events.get(broken.id)
    assert.match(problem!, /column payload is not JSON: .*column trigger_def is not JSON/)
    assert.equal(await events.checkRows(), 0)
    assert.deepEqual(
      notices.of('event:problem').map(({ name }) => name),
      ['broken']
    )

    await write('payload', '{"n":2}')
    assert.equal(await events.checkRows(), 1)
    assert.match((await field(events.get(broken.id), 'problem'))!, /^column trigger_def/)
    const mended = await events.update(broken.id, { trigger: hourly.trigger })
    assert.deepEqual([mended.problem, mended.payload], [null, { n: 2 }])
    assert.equal(mended.nextRunAt, at('08:00:00'))
    assert.equal(await events.checkRows(), 0)
  })
})
