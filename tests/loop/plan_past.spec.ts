import { test } from '@japa/runner'
import { NOTHING_PAST, planPast, planPause } from '../../src/loop/plan_past.ts'
import { dueEvent, every, SECOND, START } from './support.ts'

const at = (n: number) => START + n * SECOND

test.group('Plan past | slots due before a change', () => {
  test('nothing is due: nothing is done', ({ assert }) => {
    assert.deepEqual(planPast(dueEvent(), at(1), every(SECOND), START), NOTHING_PAST)
  })

  test('due slots go through misfire policy and overlap', ({ assert }) => {
    const past = planPast(dueEvent({ overlap: 'wait', openQueued: 1 }), at(0), every(SECOND), at(3))

    assert.isEmpty(past.run)
    assert.deepEqual(past.missed, [
      { first: at(0), last: at(2), count: 3, reason: 'misfire' },
      { first: at(3), last: at(3), count: 1, reason: 'overlap' },
    ])
    assert.equal(past.lastSlot, at(3))
    assert.isTrue(past.exact)
  })

  test('a long past: once runs the newest, all before it are one range', ({ assert }) => {
    const past = planPast(dueEvent(), at(0), every(SECOND), at(100_000))

    assert.deepEqual(past.run, [at(100_000)])
    assert.lengthOf(past.missed, 1)
    assert.equal(past.missed[0].first, at(0))
    assert.equal(past.missed[0].last, at(99_999))
    assert.isAtLeast(past.missed[0].count, 1_000)
    assert.isAtMost(past.missed[0].count, 100_000)
    assert.isFalse(past.exact)
  })

  test('a long past: all runs the newest `cap`', ({ assert }) => {
    const event = dueEvent({ misfire: { policy: 'all', grace: 0, cap: 3 } })
    const past = planPast(event, at(0), every(SECOND), at(5_000))

    assert.deepEqual(past.run, [at(4_998), at(4_999), at(5_000)])
    assert.deepEqual(past.missed, [
      { first: at(0), last: at(4_997), count: 1_000, reason: 'misfire' },
    ])
  })

  test('a past just over the limit counts no slot twice', ({ assert }) => {
    const event = dueEvent({ misfire: { policy: 'all', grace: 0, cap: 500 } })
    const past = planPast(event, at(0), every(SECOND), at(1_000))

    assert.lengthOf(past.run, 500)
    assert.deepEqual(past.missed, [{ first: at(0), last: at(500), count: 501, reason: 'misfire' }])
  })

  test('a run between keeps two ranges apart', ({ assert }) => {
    const event = dueEvent({
      misfire: { policy: 'all', grace: 0, cap: 100 },
      overlap: 'wait',
    })
    const past = planPast(event, at(0), every(SECOND), at(5_000))

    assert.deepEqual(past.run, [at(4_901)])
    assert.deepEqual(
      past.missed.map(({ first, last, reason }) => [first, last, reason]),
      [
        [at(0), at(4_900), 'misfire'],
        [at(4_902), at(5_000), 'overlap'],
      ]
    )
  })

  test('maxRuns ends the event', ({ assert }) => {
    const event = dueEvent({
      misfire: { policy: 'all', grace: 0, cap: 9 },
      maxRuns: 5,
      runCount: 3,
    })
    const past = planPast(event, at(0), every(SECOND), at(5))

    assert.deepEqual(past.run, [at(0), at(1)])
    assert.isEmpty(past.missed)
  })

  test('an event that had all its runs leaves no slot behind', ({ assert }) => {
    const past = planPast(dueEvent({ maxRuns: 1, runCount: 1 }), at(0), every(SECOND), at(5))

    assert.isEmpty(past.run)
    assert.isEmpty(past.missed)
  })
})

test.group('Plan past | pause', () => {
  test('the slots of a pause are one range', ({ assert }) => {
    const past = planPause(at(0), every(SECOND), at(59))

    assert.deepEqual(past.missed, [{ first: at(0), last: at(59), count: 60, reason: 'paused' }])
    assert.isEmpty(past.run)
    assert.equal(past.lastSlot, at(59))
    assert.isTrue(past.exact)
  })

  test('a pause without a slot leaves nothing', ({ assert }) => {
    assert.deepEqual(planPause(at(5), every(SECOND), at(4)), NOTHING_PAST)
  })

  test('beyond 1,000 slots first and last are exact and the count is a lower bound', ({
    assert,
  }) => {
    const past = planPause(at(0), every(SECOND), at(31_536_000) + 1)

    assert.deepEqual(past.missed, [
      { first: at(0), last: at(31_536_000), count: 1_000, reason: 'paused' },
    ])
    assert.isFalse(past.exact)
  })
})
