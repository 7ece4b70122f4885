import { test } from '@japa/runner'
import { Lifecycle, type Part } from '../../src/scheduler/lifecycle.ts'
import { RecordingLogger } from '../../src/testing/recording_logger.ts'

/** Parts that note what is asked of them, and fail on demand. */
function setup(fail: { start?: string; stop?: string[] } = {}) {
  const calls: string[] = []
  const logger = new RecordingLogger()
  const part = (name: string): Part => ({
    name,
    start: () => {
      calls.push(`start ${name}`)
      if (fail.start === name) {
        throw new Error(`${name} does not start`)
      }
    },
    stop: async ({ deadline }) => {
      calls.push(`stop ${name} ${deadline}`)
      if (fail.stop?.includes(name)) {
        throw new Error(`${name} does not stop`)
      }
    },
  })
  const parts = [part('a'), { name: 'without hooks' }, part('b'), part('c')]
  return { calls, logger, life: new Lifecycle(parts, { logger }), fail }
}

test.group('Lifecycle', () => {
  test('starts in order and stops in reverse', async ({ assert }) => {
    const { life, calls } = setup()
    assert.equal(life.state, 'stopped')
    await life.start()
    assert.equal(life.state, 'running')
    await life.stop({ deadline: 5 })
    assert.equal(life.state, 'stopped')
    assert.deepEqual(calls, ['start a', 'start b', 'start c', 'stop c 5', 'stop b 5', 'stop a 5'])
  })

  test('a second start and a second stop do nothing', async ({ assert }) => {
    const { life, calls } = setup()
    await life.stop({ deadline: 0 })
    await life.start()
    await life.start()
    await Promise.all([life.stop({ deadline: 1 }), life.stop({ deadline: 2 })])
    await life.stop({ deadline: 3 })
    assert.deepEqual(calls, ['start a', 'start b', 'start c', 'stop c 1', 'stop b 1', 'stop a 1'])
  })

  test('calls at the same time share one start', async ({ assert }) => {
    const { life, calls } = setup()
    const starts = [life.start(), life.start()]
    await Promise.resolve()
    await Promise.resolve()
    assert.equal(life.state, 'starting')
    await Promise.all(starts)
    assert.lengthOf(calls, 3)
  })

  test('a stop during a start waits for it, and the other way round', async ({ assert }) => {
    const { life, calls } = setup()
    const states: string[] = []
    await Promise.all([
      life.start().then(() => states.push(life.state)),
      life.stop({ deadline: 0 }).then(() => states.push('stopped')),
    ])
    assert.equal(states.at(-1), 'stopped')
    assert.equal(life.state, 'stopped')
    await life.start()
    const ending = life.stop({ deadline: 0 })
    const again = life.start()
    await Promise.all([ending, again])
    assert.equal(life.state, 'running')
    assert.lengthOf(
      calls.filter((call) => call === 'start a'),
      3
    )
  })

  test('a start that fails stops what it had started, and may be tried again', async ({
    assert,
  }) => {
    const { life, calls, fail } = setup({ start: 'c' })
    await assert.rejects(() => life.start(), 'c does not start')
    assert.equal(life.state, 'stopped')
    assert.deepEqual(calls, ['start a', 'start b', 'start c', 'stop b 0', 'stop a 0'])
    fail.start = undefined
    await life.start()
    assert.equal(life.state, 'running')
  })

  test('a part that does not stop keeps none of the others', async ({ assert }) => {
    const { life, calls, logger } = setup({ stop: ['c', 'b'] })
    await life.start()
    await assert.rejects(() => life.stop({ deadline: 0 }), 'c does not stop')
    assert.equal(life.state, 'stopped')
    assert.include(calls, 'stop a 0')
    assert.deepEqual(logger.messages('error'), ['c did not stop cleanly', 'b did not stop cleanly'])
  })
})
