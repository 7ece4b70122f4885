import { test } from '@japa/runner'
import { pruneRules } from '../../src/housekeeping/retention.ts'
import { config as base, newExecution } from '../jobs/setup.ts'
import { createHousekeeper, ended, newEvent, retention, running } from './setup.ts'
import type { RetentionConfig } from '../../src/types/config.ts'
import type { HandlerOptions } from '../../src/types/handlers.ts'

const DAY = 86_400_000

test.group('Retention rules', () => {
  const outcomes = base.housekeeping.retention.outcomes
  const rules = (
    config: Partial<RetentionConfig>,
    handlers: Record<string, HandlerOptions['retention']> = {},
    eventIds: Record<string, string[]> = {}
  ) =>
    pruneRules({
      config: { outcomes, journal: 'forever', totals: 'forever', ...config },
      handlers: new Map(Object.entries(handlers).map(([name, own]) => [name, own ?? {}])),
      eventIds: new Map(Object.entries(eventIds)),
    })

  test('one per outcome in general', ({ assert }) => {
    assert.deepEqual(
      rules({}).map(({ outcome, age, handler, eventId }) => [outcome, age, handler, eventId]),
      [
        ['succeeded', 7 * DAY, null, null],
        ['failed', 30 * DAY, null, null],
        ['timed_out', 30 * DAY, null, null],
        ['abandoned', 30 * DAY, null, null],
        ['cancelled', 7 * DAY, null, null],
        ['missed', 7 * DAY, null, null],
        ['skipped', 7 * DAY, null, null],
      ]
    )
  })

  test('the narrowest holds: event, then handler in config, then handler options', ({ assert }) => {
    const found = rules(
      {
        handlers: { mail: { succeeded: { age: '1d', count: 5 } } },
        events: { nightly: { succeeded: { count: 2 } }, gone: { succeeded: { count: 1 } } },
      },
      { mail: { succeeded: { age: '9d' } }, load: { succeeded: { age: '2h' } } },
      { nightly: ['e1', 'e2'] }
    ).filter(({ outcome }) => outcome === 'succeeded')

    const exceptEvents = ['e1', 'e2']
    const common = { outcome: 'succeeded', handler: null, eventId: null }
    assert.deepEqual(found, [
      { ...common, age: 7 * DAY, count: null, exceptHandlers: ['mail', 'load'], exceptEvents },
      { ...common, age: DAY, count: 5, handler: 'mail', exceptEvents },
      { ...common, age: 7_200_000, count: null, handler: 'load', exceptEvents },
      { ...common, age: null, count: 2, eventId: 'e1' },
      { ...common, age: null, count: 2, eventId: 'e2' },
    ])
  })

  test('what is kept for ever has no rule, and is excepted from the wider ones', ({ assert }) => {
    const found = rules({
      outcomes: { ...outcomes, failed: { age: 'forever' } },
      handlers: { audit: { succeeded: { age: 'forever' } } },
    })
    assert.isFalse(found.some(({ outcome }) => outcome === 'failed'))
    assert.isFalse(found.some(({ handler }) => handler === 'audit'))
    assert.deepEqual(found[0].exceptHandlers, ['audit'])
  })
})

test.group('Prune', () => {
  test('deletes by age and outcome, with the logs, and keeps the totals', async ({ assert }) => {
    const { housekeeper, storage, clock } = createHousekeeper()
    await ended(storage, clock, 3)
    const [failed] = await ended(storage, clock, 1, { to: 'failed' })
    await clock.advance(7 * DAY)
    const [fresh] = await ended(storage, clock, 1)
    await clock.advance(1)

    const report = await housekeeper.runOnce()
    assert.deepEqual(report, {
      pruned: 3,
      rescued: 0,
      abandoned: 0,
      expired: 0,
      rolledUp: 5,
      problems: [],
    })
    const kept = await storage.executions.list({})
    assert.sameMembers(
      kept.map(({ id }) => id),
      [failed, fresh]
    )
    const totals = await storage.stats.read({ from: '2026-01-01', to: '2026-01-01' })
    assert.equal(
      totals.reduce((sum, { count }) => sum + count, 0),
      4
    )
    assert.include(await housekeeper.runOnce(), { pruned: 0, rolledUp: 0 })
  })

  test('never deletes what is open', async ({ assert }) => {
    const { housekeeper, storage, clock } = createHousekeeper()
    await storage.executions.enqueue({ now: clock.now(), executions: [newExecution()] })
    await running(storage, clock)
    await clock.advance(365 * DAY)
    assert.include(await housekeeper.runOnce(), { pruned: 0 })
    assert.lengthOf(await storage.executions.list({}), 2)
  })

  test('keeps the newest of a handler, as its options say', async ({ assert }) => {
    const { housekeeper, storage, clock, registry } = createHousekeeper()
    registry.register('chatty', () => {}, { retention: { succeeded: { count: 2 } } })
    const ids = await ended(storage, clock, 5, { handler: 'chatty' })
    await ended(storage, clock, 3, { handler: 'quiet' })
    await clock.advance(1_000)
    assert.include(await housekeeper.runOnce(), { pruned: 3 })
    const kept = await storage.executions.list({ handler: 'chatty' })
    assert.deepEqual(
      kept.map(({ id }) => id),
      ids.slice(3).reverse()
    )
    assert.lengthOf(await storage.executions.list({ handler: 'quiet' }), 3)
  })

  test('keeps what an event wants, found by its name in any source', async ({ assert }) => {
    const { housekeeper, storage, clock } = createHousekeeper({
      config: retention({
        events: { nightly: { succeeded: { count: 1 } } },
      }),
    })
    const now = clock.now()
    const api = await storage.events.insert({ now, event: newEvent('nightly') })
    const code = await storage.events.insert({
      now,
      event: newEvent('nightly', { source: 'code' }),
    })
    const other = await storage.events.insert({ now, event: newEvent('nightly 2') })
    for (const { id } of [api, code, other]) {
      await ended(storage, clock, 3, { eventId: id })
    }
    await clock.advance(1_000)
    assert.include(await housekeeper.runOnce(), { pruned: 4 })
    assert.lengthOf(await storage.executions.list({ eventId: other.id }), 3)
    assert.lengthOf(await storage.executions.list({ eventId: code.id }), 1)
  })

  test('goes in small batches, a bounded number of them, and on in the next round', async ({
    assert,
  }) => {
    const { housekeeper, storage, clock } = createHousekeeper()
    await ended(storage, clock, 520)
    await clock.advance(8 * DAY)
    // Only what is in the totals may be deleted: 50 batches of 10 a round
    const first = await housekeeper.runOnce()
    assert.include(first, { rolledUp: 500, pruned: 500 })
    const second = await housekeeper.runOnce()
    assert.include(second, { rolledUp: 20, pruned: 20 })
    assert.isEmpty(await storage.executions.list({}))
  })

  test('the journal is cut by its age, or kept', async ({ assert }) => {
    const journal = async (age: RetentionConfig['journal']) => {
      const { housekeeper, storage, clock } = createHousekeeper({
        config: retention({ journal: age }),
      })
      const entry = { kind: 'event.paused', actor: 'ana', subject: 'e' } as const
      await storage.journal.append({ now: clock.now(), entries: Array(25).fill(entry) })
      await clock.advance(10 * DAY)
      await storage.journal.append({ now: clock.now(), entries: [entry] })
      const { pruned } = await housekeeper.runOnce()
      const left = await storage.journal.read({ after: 0, limit: 100 })
      return [pruned, left.length]
    }
    assert.deepEqual(await journal('9d'), [25, 1])
    assert.deepEqual(await journal('forever'), [0, 26])
  })

  test('the totals outlive the executions, and are cut by their own age, or kept', async ({
    assert,
  }) => {
    const totals = async (age: RetentionConfig['totals']) => {
      const { housekeeper, storage, clock } = createHousekeeper({
        config: retention({ totals: age }),
      })
      for (let n = 0; n < 15; n++) {
        await ended(storage, clock, 1, { handler: `h${n}` })
      }
      await clock.advance(99 * DAY)
      const { rolledUp, pruned } = await housekeeper.runOnce()
      assert.deepEqual([rolledUp, pruned], [15, 15])
      await clock.advance(3 * DAY)
      const later = await housekeeper.runOnce()
      const left = await storage.stats.read({ from: '0001-01-01', to: '9999-12-31' })
      return [later.pruned, left.length]
    }
    assert.deepEqual(await totals('100d'), [15, 0])
    assert.deepEqual(await totals('200d'), [0, 15])
    assert.deepEqual(await totals('forever'), [0, 15])
  })
})

test.group('Housekeeping', () => {
  test('a part that fails is reported and stops nothing', async ({ assert }) => {
    const { housekeeper, storage, clock, logger, counters } = createHousekeeper()
    await ended(storage, clock, 2)
    storage.fail('executions.listExpired', { times: 2 })
    storage.fail('executions.prune', { times: 2, error: new Error('disk full') })
    const report = await housekeeper.runOnce()
    assert.include(report, { rolledUp: 2, pruned: 0 })
    assert.deepEqual(report.problems, [
      { part: 'rescue', message: 'executions.listExpired failed on demand' },
      { part: 'prune', message: 'disk full' },
    ])
    const again = await housekeeper.runOnce()
    assert.lengthOf(again.problems, 2)
    assert.lengthOf(logger.of('error'), 2)
    assert.equal(counters.get('housekeeping.prune.errors'), 2)

    const third = await housekeeper.runOnce()
    assert.isEmpty(third.problems)
    assert.lengthOf(logger.of('info'), 2)
  })

  test('two calls at once are one round', async ({ assert }) => {
    const { housekeeper, storage } = createHousekeeper()
    const [first, second] = await Promise.all([housekeeper.runOnce(), housekeeper.runOnce()])
    assert.strictEqual(first, second)
    assert.equal(storage.calls('stats.rollup'), 1)
  })

  test('queued work that nobody here can run is reported once, and stays', async ({ assert }) => {
    const { housekeeper, storage, clock, registry, logger, counters } = createHousekeeper()
    registry.register('known', () => {})
    await storage.executions.enqueue({
      now: clock.now(),
      executions: ['known', 'gone', 'gone'].map((handler) => newExecution({ handler })),
    })
    await housekeeper.runOnce()
    await housekeeper.runOnce()
    assert.deepEqual(housekeeper.unknownHandlers(), [{ handler: 'gone', count: 2 }])
    assert.deepEqual(logger.of('warn'), [
      'Executions wait for handler "gone", which is not registered here',
    ])
    assert.equal(counters.get('handlers.unknown'), 1)
    assert.deepEqual(await storage.executions.countByState(), { queued: 3 })

    registry.register('gone', () => {})
    await housekeeper.runOnce()
    assert.isEmpty(housekeeper.unknownHandlers())
  })
})
