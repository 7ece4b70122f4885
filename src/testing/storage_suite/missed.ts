import assert from 'node:assert/strict'
import type { MissedRange } from '../../storage/contract.ts'
import type { EventRecord } from '../../types/events.ts'
import { cases, field, MINUTE, START, type SuiteContext } from './context.ts'

function range(id: string, first: number, count = 1, reason = 'late'): MissedRange {
  return { id, first, last: first + (count - 1) * MINUTE, count, reason }
}

/** Misses the event's next `count` slots. */
async function miss(
  context: SuiteContext,
  event: EventRecord,
  missed: MissedRange,
  changes: { extendsOpenMissed?: boolean; leavesMissedOpen?: boolean; nextRunAt?: null } = {}
) {
  const firing = context.firing(event, {
    executions: [],
    missed: [missed],
    nextRunAt: missed.last + MINUTE,
    lastSlot: missed.last,
    leavesMissedOpen: true,
    ...changes,
  })
  const result = await context.storage.events.fire({ now: context.now, firings: [firing] })
  return { result, event: await context.findEvent(event.id) }
}

export const missedCases = cases({
  'a contiguous run of missed slots is one execution that ended': async (context) => {
    const event = await context.insertEvent({ payload: { n: 1 }, timeout: 7, retries: 2 })
    const { result, event: after } = await miss(context, event, range('m1', START, 5))
    const row = await context.find('m1')
    assert.deepEqual(result.missed, [row])
    assert.deepEqual(
      [row.state, row.slot, row.slotLast, row.slotCount, row.reason, row.finishedAt],
      ['missed', START, START + 4 * MINUTE, 5, 'late', START]
    )
    assert.deepEqual([row.payload, row.timeout, row.retries], [{ n: 1 }, 7, 2])
    assert.deepEqual([after.openMissedId, after.openMissedReason], ['m1', 'late'])
    assert.deepEqual([after.runCount, after.lastOutcome], [0, null])
  },

  'slots that go on being missed extend it': async (context) => {
    const event = await context.insertEvent()
    const first = await miss(context, event, range('m1', START, 2))
    context.pass(MINUTE)
    const more = range('m2', first.event.nextRunAt!, 3)
    const second = await miss(context, first.event, more, { extendsOpenMissed: true })
    const row = await context.find('m1')
    assert.deepEqual(second.result.missed, [row])
    assert.deepEqual(
      [row.slot, row.slotLast, row.slotCount, row.createdAt, row.finishedAt],
      [START, START + 4 * MINUTE, 5, START, context.now]
    )
    assert.equal(await context.storage.executions.find('m2'), null)
    assert.equal(second.event.openMissedId, 'm1')
  },

  'another reason begins another range': async (context) => {
    const event = await context.insertEvent()
    const first = await miss(context, event, range('m1', START))
    const other = range('m2', first.event.nextRunAt!, 1, 'overlap')
    const second = await miss(context, first.event, other, { extendsOpenMissed: true })
    assert.deepEqual(
      second.result.missed.map(({ id, reason }) => [id, reason]),
      [['m2', 'overlap']]
    )
    assert.deepEqual([second.event.openMissedId, second.event.openMissedReason], ['m2', 'overlap'])
    assert.equal(await field(context.find('m1'), 'slotCount'), 1)
  },

  'a fired slot closes the range': async (context) => {
    const event = await context.insertEvent()
    const first = await miss(context, event, range('m1', START))
    await context.storage.events.fire({ now: context.now, firings: [context.firing(first.event)] })
    const after = await context.findEvent(event.id)
    assert.deepEqual([after.openMissedId, after.openMissedReason], [null, null])
  },

  'so does the last slot of all': async (context) => {
    const event = await context.insertEvent()
    const { event: after } = await miss(context, event, range('m1', START), { nextRunAt: null })
    assert.deepEqual([after.status, after.openMissedId], ['completed', null])
  },

  'ranges of several reasons stand beside fired slots': async (context) => {
    const event = await context.insertEvent()
    const firing = context.firing(event, {
      executions: [context.slotExecution(event, START + 2 * MINUTE)],
      missed: [range('m1', START, 2), range('m2', START + 3 * MINUTE, 2, 'overlap')],
      leavesMissedOpen: true,
      nextRunAt: START + 5 * MINUTE,
      lastSlot: START + 4 * MINUTE,
    })
    const result = await context.storage.events.fire({ now: context.now, firings: [firing] })
    assert.deepEqual(
      result.missed.map(({ id, slotCount }) => [id, slotCount]),
      [
        ['m1', 2],
        ['m2', 2],
      ]
    )
    const after = await context.findEvent(event.id)
    assert.deepEqual([after.openMissedId, after.runCount], ['m2', 1])
  },

  'a range that was backfilled meanwhile is not extended': async (context) => {
    const event = await context.insertEvent()
    const first = await miss(context, event, range('m1', START))
    const { events } = context.storage
    await events.update({
      now: context.now,
      id: event.id,
      expectedVersion: 1,
      patch: { openMissedId: 'gone' },
    })
    const moved = await context.findEvent(event.id)
    const more = range('m2', moved.nextRunAt!)
    const { result } = await miss(context, moved, more, { extendsOpenMissed: true })
    assert.deepEqual(
      result.missed.map(({ id }) => id),
      ['m2']
    )
    assert.equal(await field(context.find('m1'), 'slotCount'), first.result.missed[0].slotCount)
  },

  'a slot that was fired is not missed as well': async (context) => {
    const event = await context.insertEvent()
    await context.enqueue(context.slotExecution(event, START))
    const { result, event: after } = await miss(context, event, range('m1', START))
    assert.deepEqual(result.missed, [])
    assert.deepEqual([after.nextRunAt, after.openMissedId], [START + MINUTE, null])
  },

  'but the others of its range are': async (context) => {
    const event = await context.insertEvent()
    await context.enqueue(context.slotExecution(event, START))
    const { result } = await miss(context, event, range('m1', START, 3))
    assert.deepEqual(
      result.missed.map(({ id, slotCount, slotKey }) => [id, slotCount, slotKey]),
      [['m1', 2, null]]
    )
  },
})
