import { test } from '@japa/runner'
import { setImmediate } from 'node:timers/promises'
import { stopReason, Stops } from '../../src/legacy/engine/stops.ts'
import { Cancelled } from '../../src/jobs/outcome.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'
import { ManualClock, RecordingLogger } from './support.ts'

const GRACE = 3_000

test.group('Stops by force', () => {
  test('what was stopped before it is waited for is closed after its grace as well', async ({
    assert,
  }) => {
    const clock = new ManualClock()
    const execution = { id: 'E1', cancelRequestedAt: 1, reason: stopReason('T1', true) }
    const stops = new Stops({
      scheduler: { executions: { find: async () => execution } } as never,
      clock,
      logger: new RecordingLogger(),
      grace: GRACE,
    })
    const deaf = Promise.withResolvers<string>()
    const closed: unknown[] = []
    const context = { signal: AbortSignal.abort('cancelled'), execution }
    const outcome = stops.around(
      context as unknown as HandlerContext,
      () => deaf.promise,
      async (end) => {
        closed.push(end.status)
        return new Cancelled('stopped')
      }
    )
    await setImmediate()
    await clock.advance(GRACE - 1)
    assert.deepEqual(closed, [])
    await clock.advance(1)
    assert.deepEqual(closed, ['ST'])
    deaf.resolve('too late')
    assert.property(await outcome, 'closed')
  })
})
