import { test } from '@japa/runner'
import { ProgressBoard } from '../../src/executions/progress.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'

test.group('Progress | speed', () => {
  test('counts give the rate since the first, and what is left at it', async ({ assert }) => {
    const clock = new ManualClock()
    const board = new ProgressBoard(clock)
    board.set('a', { done: 100, total: 1_000 })
    assert.deepEqual(board.unstored('a'), { done: 100, total: 1_000 })
    await clock.advance(500)
    board.set('a', { done: 150, total: 1_000 })
    assert.notProperty(board.unstored('a'), 'rate')
    await clock.advance(1_500)
    board.set('a', { done: 300, total: 1_000 })
    assert.deepEqual(board.unstored('a'), { done: 300, total: 1_000, rate: 100, remaining: 7_000 })
  })

  test('a percentage counts as units of a hundred; no total leaves the rest open', async ({
    assert,
  }) => {
    const clock = new ManualClock()
    const board = new ProgressBoard(clock)
    board.set('a', 0)
    board.set('b', { done: 0 })
    await clock.advance(4_000)
    board.set('a', 20)
    board.set('b', { done: 10 })
    assert.deepEqual(board.unstored('a'), { percent: 20, rate: 5, remaining: 16_000 })
    assert.deepEqual(board.unstored('b'), { done: 10, rate: 2.5 })
  })

  test('what stands still, or goes back, has no speed', async ({ assert }) => {
    const clock = new ManualClock()
    const board = new ProgressBoard(clock)
    board.set('a', { done: 5, total: 9 })
    await clock.advance(2_000)
    for (const done of [5, 3]) {
      board.set('a', { done, total: 9 })
      assert.deepEqual(board.unstored('a'), { done, total: 9 })
    }
  })

  test('the next attempt is measured anew', async ({ assert }) => {
    const clock = new ManualClock()
    const board = new ProgressBoard(clock)
    board.set('a', 10)
    board.forget('a')
    await clock.advance(5_000)
    board.set('a', 50)
    assert.deepEqual(board.unstored('a'), { percent: 50 })
  })
})
