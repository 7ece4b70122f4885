import assert from 'node:assert/strict'
import { slotKey } from '../../keys.ts'
import type { NewExecution, RangeSplit, SlotSpan } from '../../storage/contract.ts'
import type { EventRecord } from '../../types/events.ts'
import { cases, DAY, field, mapped, MINUTE, START, type SuiteContext } from './context.ts'

const slot = (n: number) => START + n * MINUTE

function span(from: number, to: number): SlotSpan {
  return { first: slot(from), last: slot(to), count: to - from + 1 }
}

/** An event whose first `count` slots were missed as the range `range`. */
async function missed(context: SuiteContext, count: number): Promise<EventRecord> {
  const event = await context.insertEvent()
  const range = { id: 'range', ...span(0, count - 1), reason: 'misfire' }
  const firing = context.firing(event, {
    executions: [],
    missed: [range],
    nextRunAt: slot(count),
    lastSlot: range.last,
    leavesMissedOpen: true,
  })
  await context.storage.events.fire({ now: context.now, firings: [firing] })
  return context.findEvent(event.id)
}

/** The execution of a slot as a backfill queues it. */
function run(context: SuiteContext, event: EventRecord, n: number, id?: string): NewExecution {
  const execution = context.slotExecution(event, slot(n))
  return { ...execution, id: id ?? execution.id, origin: 'backfill', concurrencyKey: 'lane' }
}

function backfill(
  context: SuiteContext,
  event: EventRecord,
  work: { splits?: RangeSplit[]; executions?: NewExecution[] }
) {
  const journal = context.entry({ kind: 'slots.backfilled', subject: event.id })
  const params = { now: context.now, eventId: event.id, splits: [], executions: [], journal }
  return context.storage.executions.backfill({ ...params, ...work })
}

async function slotsOf(context: SuiteContext, event: EventRecord) {
  const window = { eventId: event.id, from: slot(0), to: slot(1_000) }
  return mapped(context.storage.executions.listSlots(window), (row) => [
    row.state,
    (row.slot - START) / MINUTE,
    (row.slotLast - START) / MINUTE,
    row.slotCount,
    row.slotKey === slotKey(event.id, row.slot),
  ])
}

async function missedTotal(context: SuiteContext): Promise<number> {
  const rows = await context.storage.stats.read({ from: '2000-01-01', to: '2100-01-01' })
  return rows
    .filter(({ outcome }) => outcome === 'missed')
    .reduce((sum, { count }) => sum + count, 0)
}

/** Slots 2..4 of ten are taken out of the middle. */
function middle(context: SuiteContext, event: EventRecord) {
  const keep = span(0, 1)
  const parts = [{ id: 'rest', ...span(5, 9) }]
  return {
    splits: [{ id: 'range', expected: span(0, 9), keep, execution: null, parts }],
    executions: [2, 3, 4].map((n) => run(context, event, n)),
  }
}

export const backfillCases = cases({
  'a missed slot is queued in place, as if it had just been born': async (context) => {
    const event = await missed(context, 1)
    context.pass(MINUTE)
    const execution = { ...run(context, event, 0, 'range'), payload: { n: 2 }, priority: 9 }
    const split = { id: 'range', expected: span(0, 0), keep: null, execution, parts: [] }
    const result = await backfill(context, event, { splits: [split] })
    assert.deepEqual(result, { requeued: ['range'], inserted: [] })
    const row = await context.find('range')
    assert.deepEqual(
      [row.state, row.slot, row.slotCount, row.reason, row.finishedAt, row.availableAt],
      ['queued', START, 1, null, null, context.now]
    )
    assert.deepEqual(
      [row.origin, row.payload, row.priority, row.concurrencyKey, row.createdAt],
      ['backfill', { n: 2 }, 9, 'lane', START]
    )
    const after = await context.findEvent(event.id)
    assert.deepEqual([after.openMissedId, after.openMissedReason], [null, null])
    const [claimed] = await context.claim()
    assert.equal(claimed.id, 'range')
    assert.ok(await context.settle(claimed))
  },

  'the key of a row that was queued in place holds': async (context) => {
    const event = await missed(context, 1)
    const execution = run(context, event, 0, 'range')
    const split = { id: 'range', expected: span(0, 0), keep: null, execution, parts: [] }
    const executions = [run(context, event, 7)]
    await backfill(context, event, { splits: [split], executions })
    const claimed = await context.claim()
    assert.equal(claimed.length, 1)
    assert.deepEqual(await context.claim(), [])
    await context.settle(claimed[0])
    const next = await context.claim()
    assert.equal(next.length, 1)
  },

  'a range is split around the slots that are taken out': async (context) => {
    const event = await missed(context, 10)
    const result = await backfill(context, event, middle(context, event))
    assert.equal(result?.inserted.length, 3)
    assert.deepEqual(await slotsOf(context, event), [
      ['missed', 0, 1, 2, true],
      ['queued', 2, 2, 1, true],
      ['queued', 3, 3, 1, true],
      ['queued', 4, 4, 1, true],
      ['missed', 5, 9, 5, true],
    ])
    const rest = await context.find('rest')
    assert.deepEqual([rest.reason, rest.finishedAt, rest.handler], ['misfire', START, 'noop'])
  },

  'the beginning of a range becomes the run of its first slot': async (context) => {
    const event = await missed(context, 10)
    const execution = run(context, event, 0, 'range')
    const parts = [{ id: 'rest', ...span(2, 9) }]
    await backfill(context, event, {
      splits: [{ id: 'range', expected: span(0, 9), keep: null, execution, parts }],
      executions: [run(context, event, 1)],
    })
    assert.deepEqual(await slotsOf(context, event), [
      ['queued', 0, 0, 1, true],
      ['queued', 1, 1, 1, true],
      ['missed', 2, 9, 8, true],
    ])
  },

  'the open range goes on with the part that ends where it did': async (context) => {
    const event = await missed(context, 10)
    await backfill(context, event, middle(context, event))
    const between = await context.findEvent(event.id)
    assert.deepEqual([between.openMissedId, between.openMissedReason], ['rest', 'misfire'])
    const range = { id: 'm2', ...span(10, 11), reason: 'misfire' }
    const firing = context.firing(between, {
      executions: [],
      missed: [range],
      extendsOpenMissed: true,
      leavesMissedOpen: true,
      nextRunAt: slot(12),
      lastSlot: slot(11),
    })
    await context.storage.events.fire({ now: context.now, firings: [firing] })
    const rows = await slotsOf(context, event)
    assert.deepEqual(rows.at(-1), ['missed', 5, 11, 7, true])
  },

  'another range than the expected one: nothing is written': async (context) => {
    const event = await missed(context, 10)
    const plan = middle(context, event)
    await backfill(context, event, plan)
    const before = await slotsOf(context, event)
    const entries = await context.storage.journal.lastId()
    const again = { ...middle(context, event), executions: [run(context, event, 8)] }
    assert.equal(await backfill(context, event, again), null)
    const unknown = { ...plan.splits[0], id: 'nobody' }
    assert.equal(await backfill(context, event, { splits: [unknown] }), null)
    assert.deepEqual(await slotsOf(context, event), before)
    assert.equal(await context.storage.journal.lastId(), entries)
  },

  'slots that never were are inserted, those that have a row are left out': async (context) => {
    const event = await missed(context, 1)
    const first = await backfill(context, event, { executions: [run(context, event, 5)] })
    const executions = [run(context, event, 5), run(context, event, 6, 'new')]
    const second = await backfill(context, event, { executions })
    assert.equal(first?.inserted.length, 1)
    assert.deepEqual(second, { requeued: [], inserted: ['new'] })
    const entries = await context.storage.journal.read({ after: 0, limit: 100 })
    const entry = entries.at(-1)!
    assert.deepEqual([entry.kind, entry.subject], ['slots.backfilled', event.id])
  },

  'a rerun has no slot key, and is open once': async (context) => {
    const event = await missed(context, 1)
    const first = await backfill(context, event, { executions: [run(context, event, 5)] })
    const [done] = first!.inserted
    const again = (id: string) => {
      const columns = { slotKey: null, rerunOf: done, dedupeKey: 'once' }
      return { ...run(context, event, 5, id), ...columns }
    }
    const result = await backfill(context, event, { executions: [again('a'), again('b')] })
    assert.deepEqual(result?.inserted, ['a'])
    const rows = await context.storage.executions.listSlots({
      eventId: event.id,
      from: slot(5),
      to: slot(5),
    })
    assert.deepEqual(
      rows.map(({ id, rerunOf }) => [id, rerunOf]).sort(),
      [
        ['a', done],
        [done, null],
      ].sort()
    )
  },

  'the totals give back what was counted as missed': async (context) => {
    const event = await missed(context, 10)
    // A fired slot closes the range, so that it may be added up
    await context.storage.events.fire({ now: context.now, firings: [context.firing(event)] })
    await context.storage.stats.rollup({ now: context.now, limit: 100 })
    assert.equal(await missedTotal(context), 10)
    await backfill(context, event, middle(context, event))
    assert.equal(await missedTotal(context), 7)
    await context.storage.stats.rollup({ now: context.now, limit: 100 })
    assert.equal(await missedTotal(context), 7)
    const execution = run(context, event, 5, 'rest')
    const parts = [{ id: 'end', ...span(6, 9) }]
    const rest = { id: 'rest', expected: span(5, 9), keep: null, execution, parts }
    await backfill(context, event, { splits: [rest] })
    assert.equal(await missedTotal(context), 6)
    const [claimed] = await context.claim({ limit: 1 })
    await context.settle(claimed)
    await context.storage.stats.rollup({ now: context.now, limit: 100 })
    assert.equal(await missedTotal(context), 6)
    assert.equal(await field(context.findEvent(event.id), 'openMissedId'), null)
    // A total that is gone by its age gives nothing back, also where another of its day came late
    await context.settle(await context.running({}))
    context.pass(2 * DAY)
    await context.storage.stats.prune({ now: context.now, age: DAY, limit: 10 })
    assert.equal(await context.storage.stats.rollup({ now: context.now, limit: 100 }), 1)
    const last = { keep: null, execution: run(context, event, 6, 'end'), parts: [] }
    await backfill(context, event, { splits: [{ id: 'end', expected: span(6, 9), ...last }] })
    assert.equal(await missedTotal(context), 0)
  },

  'what it has queued takes no place of a slot that is due': async (context) => {
    const event = await missed(context, 1)
    await backfill(context, event, { executions: [run(context, event, 5)] })
    context.pass(10 * MINUTE)
    const due = () => context.storage.events.listDue({ now: context.now, limit: 10 })
    const before = await due()
    const [waiting] = before.events
    assert.deepEqual([waiting.openQueued, waiting.openRunning], [0, 0])
    const filter = { eventId: event.id, states: ['queued' as const] }
    const { executions } = context.storage
    const queued = await executions.list(filter)
    assert.equal(queued.length, 1)
    assert.deepEqual(await executions.list({ ...filter, exceptOrigin: 'backfill' }), [])
    await context.claim()
    const after = await due()
    const [running] = after.events
    assert.deepEqual([running.openQueued, running.openRunning], [0, 1])
  },

  'only slots of the event and of the window are listed': async (context) => {
    const event = await missed(context, 3)
    const other = await context.insertEvent()
    await context.enqueue(context.slotExecution(other, slot(1)), { eventId: event.id })
    const list = (from: number, to: number) =>
      mapped(
        context.storage.executions.listSlots({ eventId: event.id, from: slot(from), to: slot(to) }),
        ({ id }) => id
      )
    assert.deepEqual(await list(1, 1), ['range'])
    assert.deepEqual(await list(2, 50), ['range'])
    assert.deepEqual(await list(3, 50), [])
    assert.deepEqual(await list(-5, -1), [])
  },

  'of an event that is gone nothing is queued': async (context) => {
    const event = await missed(context, 1)
    await context.storage.events.delete({ now: context.now, id: event.id })
    const executions = [run(context, event, 5)]
    await assert.rejects(() => backfill(context, event, { executions }), {
      code: 'E_EVENT_NOT_FOUND',
    })
  },

  'two at once queue each slot once': async (context) => {
    const event = await missed(context, 10)
    const other = await context.another()
    const journal = context.entry({ kind: 'slots.backfilled', subject: event.id })
    const [a, b] = [middle(context, event), middle(context, event)]
    const params = { now: context.now, eventId: event.id, journal }
    const results = await Promise.all([
      context.storage.executions.backfill({ ...params, ...a }),
      other.executions.backfill({
        ...params,
        ...b,
        splits: [{ ...b.splits[0], parts: [{ ...b.splits[0].parts[0], id: 'other rest' }] }],
      }),
    ])
    assert.deepEqual(results.map((result) => result === null).sort(), [false, true])
    const rows = await slotsOf(context, event)
    assert.equal(rows.length, 5)
  },
})
