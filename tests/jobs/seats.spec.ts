import { test } from '@japa/runner'
import { Prefetch } from '../../src/jobs/prefetch.ts'
import { SeatPool } from '../../src/jobs/seat_pool.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'

const never = new AbortController().signal

function setup(slots: number, ahead = 0) {
  const clock = new ManualClock()
  const prefetch = new Prefetch({ slots, max: ahead })
  const pool = new SeatPool({ slots, prefetch, clock })
  const grow = () => {
    for (let run = 0; run < ahead; run++) {
      prefetch.ended(1)
    }
  }
  return { clock, prefetch, pool, grow }
}

test.group('Prefetch', () => {
  test('grows with each quick end, up to its bound', ({ assert }) => {
    const prefetch = new Prefetch({ slots: 4, max: 3 })
    assert.equal(prefetch.allowance, 0)
    const seen = [5, 5, 5, 5].map((duration) => {
      prefetch.ended(duration)
      return prefetch.allowance
    })
    assert.deepEqual(seen, [1, 2, 3, 3])
  })

  test('is nothing after one slow end, and stays so until the mean is quick again', ({
    assert,
  }) => {
    const prefetch = new Prefetch({ slots: 4, max: 10 })
    prefetch.ended(1)
    prefetch.ended(1_001)
    assert.equal(prefetch.allowance, 0)
    prefetch.ended(1)
    assert.equal(prefetch.allowance, 0)
    let needed = 1
    while (prefetch.allowance === 0 && needed < 100) {
      prefetch.ended(1)
      needed++
    }
    assert.isAbove(needed, 5)
    assert.isBelow(needed, 30)
  })

  test('is no more than what all slots work off soon', ({ assert }) => {
    const prefetch = new Prefetch({ slots: 2, max: 100 })
    for (let run = 0; run < 200; run++) {
      prefetch.ended(100)
    }
    assert.equal(prefetch.allowance, 5)
  })
})

test.group('Seats', () => {
  test('what is free is taken at once', async ({ assert }) => {
    const { pool } = setup(3)
    assert.equal(await pool.reserve({ timeout: 10, signal: never }), 3)
    assert.equal(pool.free, 0)
    assert.equal(pool.taken, 3)
    assert.equal(pool.tryReserve(), 0)
  })

  test('whoever waits is served in order, and shares what comes at once', async ({ assert }) => {
    const { pool } = setup(4)
    assert.equal(pool.tryReserve(), 4)
    const first = pool.reserve({ timeout: 10, signal: never })
    const second = pool.reserve({ timeout: 10, signal: never })
    assert.equal(pool.tryReserve(), 0)
    pool.release(1)
    assert.equal(await first, 1)
    pool.release(1)
    assert.equal(await second, 1)

    const both = [1, 2].map(() => pool.reserve({ timeout: 10, signal: never }))
    pool.release(3)
    assert.deepEqual(await Promise.all(both), [2, 1])
  })

  test('a wait ends by its timeout or its signal and keeps no place', async ({ assert }) => {
    const { pool, clock } = setup(1)
    pool.tryReserve()
    const late = pool.reserve({ timeout: 100, signal: never })
    await clock.advance(100)
    assert.equal(await late, 0)

    const controller = new AbortController()
    const left = pool.reserve({ timeout: 100, signal: controller.signal })
    controller.abort()
    assert.equal(await left, 0)
    assert.equal(await pool.reserve({ timeout: 100, signal: controller.signal }), 0)
    assert.equal(clock.pending, 0)
    pool.release(1)
    assert.equal(pool.tryReserve(), 1)
  })

  test('ahead of the slots, one claim is for many', async ({ assert }) => {
    const { pool, grow } = setup(2, 6)
    grow()
    assert.equal(pool.tryReserve(), 8)
    const next = pool.reserve({ timeout: 10, signal: never })
    pool.release(1)
    pool.release(1)
    assert.equal(pool.free, 2)
    pool.release(1)
    assert.equal(await next, 3)
  })

  test('an end that is being stored holds up no claim, as far as one may claim ahead', async ({
    assert,
  }) => {
    const { pool, grow } = setup(2, 6)
    grow()
    assert.equal(pool.tryReserve(), 8)
    for (let run = 0; run < 7; run++) {
      pool.ended()
    }
    assert.equal(pool.free, 6)
    assert.equal(pool.tryReserve(), 6)
    pool.stored()
    assert.equal(pool.free, 1)
    pool.stored()
    assert.equal(pool.free, 1)
  })

  test('with nothing to claim ahead, a seat is free when its end is stored', ({ assert }) => {
    const { pool } = setup(1)
    assert.equal(pool.tryReserve(), 1)
    pool.ended()
    assert.equal(pool.tryReserve(), 0)
    pool.stored()
    assert.equal(pool.tryReserve(), 1)
  })

  test('a slot that nobody waits for is given at once', async ({ assert }) => {
    const { pool, prefetch, grow } = setup(2, 6)
    grow()
    assert.equal(pool.tryReserve(), 8)
    prefetch.slow()
    const next = pool.reserve({ timeout: 10, signal: never })
    pool.release(6)
    assert.equal(pool.free, 0)
    pool.release(1)
    assert.equal(await next, 1)
  })

  test('work that is claimed already is taken in beyond the seats', ({ assert }) => {
    const { pool } = setup(1)
    pool.force(2)
    assert.equal(pool.free, 0)
    pool.release(2)
    assert.equal(pool.free, 1)
  })
})
