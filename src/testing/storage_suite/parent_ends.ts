import assert from 'node:assert/strict'
import { cases, field, LEASE, mapped, MINUTE, SECOND, type SuiteContext } from './context.ts'
import { after, finish, run } from './workflows.ts'
import type { Outcome } from '../../types/executions.ts'
import type { ParentCondition } from '../../types/workflows.ts'

/** A way in which an execution may end, beside settling it. */
const ENDS: Record<string, [Outcome, (context: SuiteContext) => Promise<unknown>]> = {
  'a cancel in the queue': [
    'cancelled',
    (context) =>
      context.storage.executions.requestCancel({ now: context.now, id: 'a', reason: 'enough' }),
  ],
  'expiry': [
    'missed',
    async (context) => {
      context.pass(2 * MINUTE)
      await context.storage.executions.expire({ now: context.now, limit: 1 })
    },
  ],
  'a rescue that gives up': [
    'abandoned',
    async (context) => {
      await context.claim()
      context.pass(LEASE + SECOND)
      const { storage, now } = context
      const expired = await storage.executions.listExpired({ now, limit: 10 })
      await storage.executions.rescueExpired({ now, expired, maxRescues: 0 })
    },
  ],
}

const ON: Record<ParentCondition, (outcome: Outcome) => boolean> = {
  success: (outcome) => outcome === 'succeeded',
  failure: (outcome) => ['failed', 'timed_out', 'abandoned'].includes(outcome),
  any: () => true,
}

const BY_CONDITION = {
  success: [after('a', 'success')],
  failure: [after('a', 'failure')],
  any: [after('a', 'any')],
}

/** Whether the children went the way that their condition says. */
async function checkConditions(context: SuiteContext, outcome: Outcome): Promise<void> {
  for (const on of ['success', 'failure', 'any'] as const) {
    const { state, waitingFor, reason } = await context.find(on)
    const runs = ON[on](outcome)
    assert.equal(state, runs ? 'queued' : 'skipped', `${on} after ${outcome}`)
    assert.equal(waitingFor, null)
    assert.equal(reason, runs ? null : `parent "a" ended as ${outcome}`)
  }
  const released = await mapped(context.claim(), ({ id }) => id)
  const wanted = (['success', 'failure', 'any'] as const).filter((on) => ON[on](outcome))
  assert.deepEqual(released.sort(), wanted.sort())
}

export const parentEndCases = cases(
  Object.fromEntries([
    ...(['succeeded', 'failed', 'timed_out', 'cancelled', 'missed'] as const).map(
      (to) =>
        [
          `a parent that ends as ${to} releases and skips as its children ask`,
          async (context: SuiteContext) => {
            await run(context, 'a', BY_CONDITION)
            await finish(context, 'a', to)
            await checkConditions(context, to)
          },
        ] as const
    ),
    ...Object.entries(ENDS).map(
      ([way, [outcome, end]]) =>
        [
          `so does ${way}`,
          async (context: SuiteContext) => {
            const children = Object.entries(BY_CONDITION).map(([id, parents]) =>
              context.execution({ id, parents })
            )
            await context.enqueue({ id: 'a', expiresIn: MINUTE, children })
            await end(context)
            assert.equal(await field(context.find('a'), 'state'), outcome)
            await checkConditions(context, outcome)
          },
        ] as const
    ),
  ])
)
