import { test } from '@japa/runner'
import { planTick } from '../../src/loop/plan_tick.ts'
import { counter, dueEvent, every, MINUTE, only, SECOND, START } from './support.ts'
import type { DueEvent } from '../../src/storage/contract.ts'
import type { NextSlot } from '../../src/loop/slot_search.ts'

const ALL = { policy: 'all', grace: 60_000, cap: 100 } as const
const at = (n: number) => START + n * SECOND

function plan(now: number, overrides: Partial<DueEvent> = {}, next: NextSlot = every(SECOND)) {
  const { firings, problems } = planTick({
    now,
    events: [dueEvent(overrides)],
    triggers: () => ({ next }),
    newId: counter('id-'),
    defaults: () => ({ queue: 'default', priority: 5 }),
    profiles: {},
  })
  if (problems.length > 0) {
    throw problems[0].error
  }
  const [firing] = firings
  return {
    ...firing,
    slots: firing.executions.map((execution) => execution.slot),
    ranges: firing.missed.map(({ first, last, count, reason }) => [first, last, count, reason]),
  }
}

test.group('Plan tick | a slot on time', () => {
  test('fires the slot and moves on to the next', ({ assert }) => {
    const firing = plan(START, { overlap: 'wait', timeout: 9_000, retries: 2 })

    assert.equal(firing.expectedNextRunAt, START)
    assert.equal(firing.nextRunAt, at(1))
    assert.equal(firing.lastSlot, START)
    assert.deepEqual(firing.executions, [
      {
        id: 'id-1',
        eventId: 'event-1',
        handler: 'load',
        queue: 'default',
        origin: 'schedule',
        payload: { table: 'sales' },
        meta: null,
        subject: null,
        priority: 5,
        slot: START,
        slotKey: `event-1:${START}`,
        rerunOf: null,
        dedupeKey: null,
        concurrencyKey: 'event:event-1',
        availableAt: null,
        timeout: 9_000,
        retries: 2,
      },
    ])
    assert.isEmpty(firing.missed)
    assert.isFalse(firing.extendsOpenMissed)
    assert.isFalse(firing.leavesMissedOpen)
  })

  test('a jitter delays when the run may be claimed, within the time to the next slot', ({
    assert,
  }) => {
    const trigger = { kind: 'interval', every: SECOND, jitter: MINUTE } as const
    const { executions } = plan(at(20), { trigger, overlap: 'allow', misfire: ALL })
    const starts = executions.map(({ availableAt }) => availableAt!)

    assert.lengthOf(starts, 21)
    for (const [n, start] of starts.entries()) {
      assert.equal(executions[n].slot, at(n))
      assert.equal(executions[n].slotKey, `event-1:${at(n)}`)
      assert.isTrue(start >= at(n) && start < at(n + 1), String(start))
    }
    assert.isAbove(new Set(starts.map((start, n) => start - at(n))).size, 10)
  })

  test('queue and priority of the event come before the defaults', ({ assert }) => {
    const [execution] = plan(START, { queue: 'reports', priority: 2 }).executions

    assert.equal(execution.queue, 'reports')
    assert.equal(execution.priority, 2)
  })

  test('the concurrency key follows overlap unless the event names one', ({ assert }) => {
    const key = (overrides: Partial<DueEvent>) =>
      plan(START, overrides).executions[0].concurrencyKey

    assert.equal(key({ overlap: 'wait' }), 'event:event-1')
    assert.equal(key({ overlap: 'skip' }), 'event:event-1')
    assert.isNull(key({ overlap: 'allow' }))
    assert.equal(key({ overlap: 'allow', concurrencyKey: 'warehouse' }), 'warehouse')
    assert.equal(key({ overlap: 'wait', concurrencyKey: 'warehouse' }), 'warehouse')
  })

  test('the last slot of a trigger leaves no next run', ({ assert }) => {
    assert.isNull(plan(START, {}, only(START)).nextRunAt)
  })
})

test.group('Plan tick | misfire', () => {
  test('once: the newest is run, the others are one missed range', ({ assert }) => {
    const firing = plan(at(4))

    assert.deepEqual(firing.slots, [at(4)])
    assert.deepEqual(firing.ranges, [[at(0), at(3), 4, 'misfire']])
    assert.isFalse(firing.leavesMissedOpen)
    assert.equal(firing.nextRunAt, at(5))
  })

  test('skip: what is later than grace is missed, the rest is run', ({ assert }) => {
    const firing = plan(at(4), { misfire: { policy: 'skip', grace: 1_500, cap: 1 } })

    assert.deepEqual(firing.ranges, [[at(0), at(2), 3, 'misfire']])
    assert.deepEqual(firing.slots, [at(3), at(4)])
  })

  test('skip: when all are late the range stays open', ({ assert }) => {
    const firing = plan(
      START + 9 * MINUTE,
      {
        misfire: { policy: 'skip', grace: 0, cap: 1 },
      },
      every(2 * MINUTE)
    )

    assert.isEmpty(firing.slots)
    assert.deepEqual(firing.ranges, [[START, START + 8 * MINUTE, 5, 'misfire']])
    assert.isTrue(firing.leavesMissedOpen)
    assert.equal(firing.lastSlot, START + 8 * MINUTE)
  })

  test('all: the newest `cap` are run, oldest first', ({ assert }) => {
    const firing = plan(at(9), { misfire: { policy: 'all', grace: 0, cap: 3 } })

    assert.deepEqual(firing.slots, [at(7), at(8), at(9)])
    assert.deepEqual(firing.ranges, [[at(0), at(6), 7, 'misfire']])
  })

  test('latest: the newest is run only within grace', ({ assert }) => {
    const misfire = { policy: 'latest', grace: 400, cap: 1 } as const

    assert.deepEqual(plan(at(2) + 400, { misfire }).slots, [at(2)])
    assert.isEmpty(plan(at(2) + 401, { misfire }).slots)
  })
})

test.group('Plan tick | more than 1,000 slots', () => {
  test('once decides 1,000 slots a tick and runs none while newer ones are due', ({ assert }) => {
    const firing = plan(at(2_500))

    assert.isEmpty(firing.executions)
    assert.deepEqual(firing.ranges, [[at(0), at(999), 1_000, 'misfire']])
    assert.equal(firing.nextRunAt, at(1_000))
    assert.isTrue(firing.leavesMissedOpen)
  })

  test('the next chunk continues the open range', ({ assert }) => {
    const open = { nextRunAt: at(1_000), openMissedId: 'open', openMissedReason: 'misfire' }

    assert.isTrue(plan(at(2_500), open).extendsOpenMissed)
    assert.isTrue(plan(at(1_500), open).extendsOpenMissed)
    assert.isFalse(plan(at(1_000), open).extendsOpenMissed, 'its first slot is run')
    assert.isFalse(plan(at(1_500), { ...open, openMissedReason: 'paused' }).extendsOpenMissed)
    assert.isFalse(plan(at(1_500), { ...open, openMissedId: null }).extendsOpenMissed)
  })

  test('all runs exactly the newest `cap` over all ticks', ({ assert }) => {
    const now = at(2_345)
    const misfire = { policy: 'all', grace: 0, cap: 500 } as const
    const ran: (number | null)[] = []
    let nextRunAt: number | null = START
    let ticks = 0
    while (nextRunAt !== null && nextRunAt <= now) {
      const firing = plan(now, { nextRunAt, misfire })
      ran.push(...firing.slots)
      nextRunAt = firing.nextRunAt
      ticks += 1
    }

    assert.deepEqual(
      ran,
      Array.from({ length: 500 }, (_, n) => at(1_846 + n))
    )
    assert.equal(ticks, 4)
  })

  test('all with a cap beyond a tick runs the whole of it', ({ assert }) => {
    const firing = plan(at(2_500), { misfire: { policy: 'all', grace: 0, cap: 5_000 } })

    assert.lengthOf(firing.executions, 1_000)
    assert.equal(firing.nextRunAt, at(1_000))
  })
})

test.group('Plan tick | overlap', () => {
  const misfire = { policy: 'all', grace: 0, cap: 100 } as const

  test('wait: one waits in the queue, further slots are missed', ({ assert }) => {
    const firing = plan(at(3), { misfire, overlap: 'wait', openRunning: 1 })

    assert.deepEqual(firing.slots, [at(0)])
    assert.deepEqual(firing.ranges, [[at(1), at(3), 3, 'overlap']])
    assert.isTrue(firing.leavesMissedOpen)
  })

  test('wait: none is added to one that waits already', ({ assert }) => {
    const firing = plan(at(0), { misfire, overlap: 'wait', openQueued: 1 })

    assert.isEmpty(firing.slots)
    assert.deepEqual(firing.ranges, [[at(0), at(0), 1, 'overlap']])
  })

  test('skip: nothing is added while one runs', ({ assert }) => {
    assert.isEmpty(plan(at(0), { misfire, overlap: 'skip', openRunning: 1 }).slots)
    assert.isEmpty(plan(at(0), { misfire, overlap: 'skip', openQueued: 1 }).slots)
    assert.deepEqual(plan(at(2), { misfire, overlap: 'skip' }).slots, [at(0)])
  })

  test('allow: every slot is run', ({ assert }) => {
    const firing = plan(at(2), { misfire, overlap: 'allow', openQueued: 4, openRunning: 4 })

    assert.lengthOf(firing.slots, 3)
  })

  test('two reasons in a row are two ranges', ({ assert }) => {
    const firing = plan(at(3), { overlap: 'wait', openQueued: 1 })

    assert.deepEqual(firing.ranges, [
      [at(0), at(2), 3, 'misfire'],
      [at(3), at(3), 1, 'overlap'],
    ])
  })
})

test.group('Plan tick | maxRuns', () => {
  const misfire = { policy: 'all', grace: 0, cap: 100 } as const

  test('the run that reaches it is the last, and later slots are not missed', ({ assert }) => {
    const firing = plan(at(5), { misfire, maxRuns: 4, runCount: 2 })

    assert.deepEqual(firing.slots, [at(0), at(1)])
    assert.isEmpty(firing.ranges)
    assert.isNull(firing.nextRunAt)
    assert.equal(firing.lastSlot, at(1))
  })

  test('missed slots do not count', ({ assert }) => {
    const firing = plan(at(5), { maxRuns: 1 })

    assert.deepEqual(firing.slots, [at(5)])
    assert.deepEqual(firing.ranges, [[at(0), at(4), 5, 'misfire']])
    assert.isNull(firing.nextRunAt)
  })

  test('an event that had all its runs ends without another', ({ assert }) => {
    const firing = plan(at(5), { maxRuns: 2, runCount: 2, lastSlot: at(-1) })

    assert.isEmpty(firing.executions)
    assert.isEmpty(firing.missed)
    assert.isNull(firing.nextRunAt)
    assert.equal(firing.lastSlot, at(-1))
  })
})

test.group('Plan tick | several events', () => {
  test('one that cannot be computed does not stop the others', ({ assert }) => {
    const { firings, problems } = planTick({
      now: START,
      events: ['a', 'broken', 'b'].map((id) => dueEvent({ id })),
      triggers: ({ id }) => {
        if (id === 'broken') {
          throw new Error('unknown zone')
        }
        return { next: every(SECOND) }
      },
      newId: counter('id-'),
      defaults: () => ({ queue: 'default', priority: 5 }),
      profiles: {},
    })

    assert.deepEqual(
      firings.map(({ eventId }) => eventId),
      ['a', 'b']
    )
    assert.lengthOf(problems, 1)
    assert.equal(problems[0].eventId, 'broken')
    assert.match(String(problems[0].error), /unknown zone/)
  })

  test('a trigger that stands still is a problem, not an endless loop', ({ assert }) => {
    const { firings, problems } = planTick({
      now: START,
      events: [dueEvent()],
      triggers: () => ({ next: () => START }),
      newId: counter('id-'),
      defaults: () => ({ queue: 'default', priority: 5 }),
      profiles: {},
    })

    assert.isEmpty(firings)
    assert.match(String(problems[0].error), /must lie after it/)
  })

  test('an event that is not due is left alone', ({ assert }) => {
    const { firings } = planTick({
      now: START,
      events: [dueEvent({ nextRunAt: null })],
      triggers: () => ({ next: every(SECOND) }),
      newId: counter('id-'),
      defaults: () => ({ queue: 'default', priority: 5 }),
      profiles: {},
    })

    assert.isEmpty(firings)
  })

  test('defaults are asked per handler', ({ assert }) => {
    const { firings } = planTick({
      now: START,
      events: [dueEvent({ handler: 'mail' })],
      triggers: () => ({ next: every(SECOND) }),
      newId: counter('id-'),
      defaults: (handler) => ({ queue: `${handler}-queue`, priority: 9 }),
      profiles: {},
    })

    assert.equal(firings[0].executions[0].queue, 'mail-queue')
    assert.equal(firings[0].executions[0].priority, 9)
  })
})
