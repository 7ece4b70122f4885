import { test } from '@japa/runner'
import { collectDue, newestSlots } from '../../src/loop/slot_search.ts'
import { every, only, SECOND, START } from './support.ts'

test.group('Slot search | due slots', () => {
  test('lists from the first slot to now, both inclusive, and names the next', ({ assert }) => {
    const due = collectDue(every(SECOND), START, START + 3 * SECOND)

    assert.deepEqual(
      due.slots,
      [0, 1, 2, 3].map((n) => START + n * SECOND)
    )
    assert.equal(due.next, START + 4 * SECOND)
    assert.isFalse(due.more)
  })

  test('lists nothing before the first slot is due', ({ assert }) => {
    assert.deepEqual(collectDue(every(SECOND), START, START - 1), {
      slots: [],
      next: START,
      more: false,
    })
  })

  test('stops at 1,000 slots and says that more are due', ({ assert }) => {
    const due = collectDue(every(SECOND), START, START + 5_000 * SECOND)

    assert.lengthOf(due.slots, 1_000)
    assert.equal(due.next, START + 1_000 * SECOND)
    assert.isTrue(due.more)
  })

  test('has no next when the trigger has ended', ({ assert }) => {
    const due = collectDue(only(START), START, START + SECOND)

    assert.deepEqual(due, { slots: [START], next: null, more: false })
  })

  test('refuses a trigger that does not advance', ({ assert }) => {
    assert.throws(
      () => collectDue(() => START, START, START + SECOND),
      /the slot after .* must lie after it/
    )
  })
})

test.group('Slot search | newest slots', () => {
  test('finds the newest of a year of seconds in a few hundred steps', ({ assert }) => {
    let calls = 0
    const next = every(SECOND)
    const year = 365 * 86_400 * SECOND
    const newest = newestSlots(
      (after) => {
        calls += 1
        return next(after)
      },
      START,
      START + year + 400,
      3
    )

    assert.deepEqual(
      newest,
      [2, 1, 0].map((n) => START + year - n * SECOND)
    )
    assert.isBelow(calls, 300)
  })

  test('takes what there is when there are fewer', ({ assert }) => {
    const next = only(START, START + 7, START + 90)

    assert.deepEqual(newestSlots(next, START, START + 1_000, 5), [START, START + 7, START + 90])
    assert.deepEqual(newestSlots(next, START, START + 89, 1), [START + 7])
    assert.deepEqual(newestSlots(next, START + 91, START + 1_000, 1), [])
  })

  test('copes with slots that come in bursts', ({ assert }) => {
    const burst = Array.from({ length: 50 }, (_, n) => START + 1_000_000 + n)
    const next = only(START, ...burst, START + 9_000_000)

    assert.deepEqual(newestSlots(next, START, START + 9_999_999, 4), [
      ...burst.slice(-3),
      START + 9_000_000,
    ])
  })
})
