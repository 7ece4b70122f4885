import assert from 'node:assert/strict'
import { histogramOf, percentile } from '../../histogram.ts'
import type { NewExecution, StatsFilter, StatsRow } from '../../storage/contract.ts'
import type { Outcome } from '../../types/executions.ts'
import {
  cases,
  field,
  mapped,
  DAY,
  MINUTE,
  OTHER_NODE,
  SECOND,
  START,
  type SuiteContext,
} from './context.ts'

const TODAY = '2027-01-15'
const TOMORROW = '2027-01-16'

function read(context: SuiteContext, filter: Partial<StatsFilter> = {}) {
  return context.storage.stats.read({ from: TODAY, to: TODAY, ...filter })
}

/** A run that began `late` ms after it was due and took `duration` ms. */
async function run(
  context: SuiteContext,
  late: number,
  duration: number,
  columns: Partial<NewExecution> = {},
  to: Exclude<Outcome, 'skipped'> = 'succeeded'
) {
  const execution = await context.running(columns)
  const startedAt = context.now + late
  context.pass(late + duration)
  await context.settle(execution, { to, startedAt })
}

export const statsCases = cases({
  'totals are of a day, a handler, an event and an outcome': async (context) => {
    await run(context, 10, 100)
    await run(context, 30, 50)
    await run(context, 0, 7, {}, 'failed')
    await run(context, 0, 9, { eventId: 'e1' })
    await run(context, 0, 3, { handler: 'another' })
    const totals = await read(context)
    const nothing = { latenessTotal: 0, latenessMax: 0, latenesses: histogramOf(0) }
    const row = { day: TODAY, handler: 'noop', eventId: null, subject: null, node: 'alpha' }
    assert.deepEqual(totals, [
      {
        ...row,
        ...nothing,
        handler: 'another',
        outcome: 'succeeded',
        count: 1,
        durationTotal: 3,
        durationMax: 3,
        durations: histogramOf(3),
      },
      {
        ...row,
        ...nothing,
        outcome: 'failed',
        count: 1,
        durationTotal: 7,
        durationMax: 7,
        durations: histogramOf(7),
      },
      {
        ...row,
        outcome: 'succeeded',
        count: 2,
        durationTotal: 150,
        durationMax: 100,
        latenessTotal: 40,
        latenessMax: 30,
        durations: { ...histogramOf(50), ...histogramOf(100) },
        latenesses: { ...histogramOf(10), ...histogramOf(30) },
      },
      {
        ...row,
        ...nothing,
        eventId: 'e1',
        outcome: 'succeeded',
        count: 1,
        durationTotal: 9,
        durationMax: 9,
        durations: histogramOf(9),
      },
    ])
  },

  'a rollup adds what ended once, in batches, and reads the same': async (context) => {
    for (let n = 1; n <= 5; n++) {
      await run(context, n, 10 * n)
    }
    await context.running()
    const before = await read(context)
    const { stats } = context.storage
    const rollup = (limit: number) => stats.rollup({ now: context.now, limit })
    assert.equal(await rollup(2), 2)
    assert.deepEqual(await read(context), before)
    assert.equal(await rollup(10), 3)
    assert.equal(await rollup(10), 0)
    assert.deepEqual(await read(context), before)
    await run(context, 99, 1)
    assert.equal(await rollup(10), 1)
    const [total] = await read(context)
    assert.deepEqual([total.count, total.durationMax, total.latenessMax], [6, 50, 99])
  },

  'totals are pruned by whole days, in batches; what is not added yet stays': async (context) => {
    const { stats } = context.storage
    for (const handler of ['a', 'b', 'noop']) {
      await run(context, 0, 1, { handler })
    }
    context.pass(DAY)
    await run(context, 0, 1)
    await stats.rollup({ now: context.now, limit: 10 })
    await run(context, 0, 1, { handler: 'late' })
    const left = () =>
      mapped(stats.read({ from: TODAY, to: TOMORROW }), ({ day, handler }) => `${day} ${handler}`)
    const prune = (age: number, limit: number) => stats.prune({ now: context.now, age, limit })
    // The first day ended eight hours ago
    assert.equal(await prune(9 * 60 * MINUTE, 10), 0)
    assert.equal(await prune(7 * 60 * MINUTE, 2), 2)
    const before = await left()
    assert.equal(before.length, 3)
    assert.equal(await prune(7 * 60 * MINUTE, 2), 1)
    assert.equal(await prune(7 * 60 * MINUTE, 2), 0)
    assert.deepEqual(await left(), [`${TOMORROW} late`, `${TOMORROW} noop`])
    context.pass(DAY)
    assert.equal(await prune(0, 10), 1)
    assert.deepEqual(await left(), [`${TOMORROW} late`])
    await stats.rollup({ now: context.now, limit: 10 })
    assert.equal(await prune(100 * 365 * DAY, 10), 0)
    assert.equal(await prune(0, 10), 1)
  },

  'lateness of a scheduled run counts from its slot': async (context) => {
    const event = await context.insertEvent()
    const execution = await context.running(context.slotExecution(event, START - MINUTE))
    await context.settle(execution, { startedAt: START + SECOND })
    const expected = MINUTE + SECOND
    const lateness = (total: StatsRow) => total.latenessTotal
    assert.deepEqual(await mapped(read(context), lateness), [expected])
    await context.storage.stats.rollup({ now: context.now, limit: 10 })
    assert.deepEqual(await mapped(read(context), lateness), [expected])
  },

  'a run that never began has no duration and no lateness': async (context) => {
    const [id] = await context.enqueue({ availableAt: START - MINUTE })
    await context.storage.executions.requestCancel({ now: context.now, id, reason: 'x' })
    const check = async () => {
      const [total] = await read(context)
      assert.deepEqual(
        [total.outcome, total.count, total.durationTotal, total.latenessTotal],
        ['cancelled', 1, 0, 0]
      )
    }
    await check()
    await context.storage.stats.rollup({ now: context.now, limit: 10 })
    await check()
  },

  'days are of UTC, inclusive, and stand beside one another': async (context) => {
    await run(context, 0, 1)
    context.pass(DAY)
    await run(context, 0, 1)
    const { stats } = context.storage
    const days = async (from: string, to: string) =>
      await mapped(stats.read({ from, to }), ({ day }) => day)
    const check = async () => {
      assert.deepEqual(await days(TODAY, TOMORROW), [TODAY, TOMORROW])
      assert.deepEqual(await days(TODAY, TODAY), [TODAY])
      assert.deepEqual(await days('2027-01-16', '2027-02-01'), [TOMORROW])
      assert.deepEqual(await days('2026-01-01', '2026-12-31'), [])
    }
    await check()
    await stats.rollup({ now: context.now, limit: 10 })
    await check()
  },

  'the last millisecond of a day belongs to it': async (context) => {
    const midnight = Date.UTC(2027, 0, 16)
    const execution = await context.running()
    context.pass(midnight - 1 - context.now)
    await context.settle(execution)
    assert.equal(await field(read(context), 'length'), 1)
    await context.storage.stats.rollup({ now: context.now, limit: 10 })
    assert.equal(await field(read(context), 'length'), 1)
  },

  'they are read by subject, outcome and the name of a node': async (context) => {
    await run(context, 0, 1, { subject: 'order/1' })
    await run(context, 0, 2, { subject: 'order/2' }, 'failed')
    await context.enqueue({ subject: 'order/1' })
    const [elsewhere] = await context.claim({ node: OTHER_NODE })
    const startedAt = context.now
    context.pass(5)
    await context.settle(elsewhere, { startedAt })
    const durations = async (filter: Partial<StatsFilter>) => {
      const totals = await read(context, filter)
      return totals.map(({ durationTotal }) => durationTotal).sort()
    }
    const check = async () => {
      assert.deepEqual(await durations({ subject: 'order/1' }), [1, 5])
      assert.deepEqual(await durations({ outcome: 'failed' }), [2])
      assert.deepEqual(await durations({ node: 'beta' }), [5])
      assert.deepEqual(await durations({ node: 'alpha', subject: 'order/1' }), [1])
      assert.deepEqual(await durations({ node: 'bet' }), [])
      // Totals know no boots: a single one is not to be read from the rows alone
      assert.deepEqual(await durations({ node: OTHER_NODE }), [])
    }
    await check()
    await context.storage.stats.rollup({ now: context.now, limit: 10 })
    await check()
  },

  'how durations are spread is the same from totals and from rows': async (context) => {
    const check = async (durations: number[]) => {
      const [total] = await read(context)
      const expected = durations.map((ms) => histogramOf(ms))
      assert.deepEqual(
        Object.keys(total.durations).sort(),
        [...new Set(expected.flatMap(Object.keys))].sort()
      )
      assert.equal(
        percentile(total.durations, 1),
        percentile(histogramOf(Math.max(...durations)), 1)
      )
    }
    for (const duration of [1, 1, 20, 4_000]) {
      await run(context, 0, duration)
    }
    await check([1, 20, 4_000])
    await context.storage.stats.rollup({ now: context.now, limit: 2 })
    await check([1, 20, 4_000])
    await run(context, 0, 90_000)
    await context.storage.stats.rollup({ now: context.now, limit: 9 })
    await check([1, 20, 4_000, 90_000])
    const [total] = await read(context)
    assert.equal(percentile(total.durations, 0.4), 1)
  },

  'they are read by handler and by event': async (context) => {
    await run(context, 0, 1, { handler: 'a', eventId: 'e1' })
    await run(context, 0, 1, { handler: 'b', eventId: 'e2' })
    const check = async () => {
      assert.deepEqual(await mapped(read(context, { handler: 'a' }), ({ handler }) => handler), [
        'a',
      ])
      assert.deepEqual(await mapped(read(context, { eventId: 'e2' }), ({ eventId }) => eventId), [
        'e2',
      ])
    }
    await check()
    await context.storage.stats.rollup({ now: context.now, limit: 10 })
    await check()
  },

  'a missed range counts its slots, and once it cannot grow any more': async (context) => {
    const event = await context.insertEvent()
    const { events, stats } = context.storage
    const range = { id: 'm1', first: START, last: START + MINUTE, count: 2, reason: 'late' }
    await events.fire({
      now: context.now,
      firings: [context.firing(event, { executions: [], missed: [range], leavesMissedOpen: true })],
    })
    assert.equal(await stats.rollup({ now: context.now, limit: 10 }), 0)
    assert.deepEqual(await mapped(read(context), ({ outcome, count }) => [outcome, count]), [
      ['missed', 2],
    ])
    const moved = await context.findEvent(event.id)
    await events.fire({ now: context.now, firings: [context.firing(moved)] })
    assert.equal(await stats.rollup({ now: context.now, limit: 10 }), 1)
    assert.deepEqual(await mapped(read(context), ({ outcome, count }) => [outcome, count]), [
      ['missed', 2],
    ])
  },

  'what was pruned stays in the totals': async (context) => {
    await run(context, 0, 5)
    await context.storage.stats.rollup({ now: context.now, limit: 10 })
    const before = await read(context)
    const rule = { outcome: 'succeeded' as const, handler: null, eventId: null, age: 0, count: 0 }
    context.pass(1)
    assert.equal(await context.storage.executions.prune({ now: context.now, rule, limit: 9 }), 1)
    assert.deepEqual(await read(context), before)
  },
})
