import assert from 'node:assert/strict'
import type { NewExecution } from '../../storage/contract.ts'
import type { HandlerLimits } from '../../types/controls.ts'
import { cases, field, MINUTE, NODE, SECOND, START } from './context.ts'
import type { SuiteContext } from './context.ts'
import { limit } from './limits.ts'

const BOTH = { handlers: ['noop', 'free'] }
const LATER = START + MINUTE

/** Two of `noop`, of which only the first may begin. It runs. */
async function heldBack(
  context: SuiteContext,
  limits: Partial<HandlerLimits>,
  columns: Partial<NewExecution> = {}
): Promise<void> {
  await limit(context, limits)
  await context.enqueue(columns, columns)
  assert.equal(await field(context.claim(), 'length'), 1)
}

export const nextInstantCases = cases({
  'a limit does not hide when what is delayed may begin': async (context) => {
    for (const limits of [{ key: 2 }, { cluster: 1 }, { node: 1 }]) {
      await limit(context, { cluster: null, node: null, key: null, ...limits })
      await context.enqueue({ concurrencyKey: 'k', availableAt: LATER })
      assert.equal(await context.next(), LATER, JSON.stringify(limits))
    }
  },

  'behind what a limit or a key holds back the next instant is looked for': async (context) => {
    await heldBack(context, { cluster: 1 })
    await context.running({ handler: 'free', concurrencyKey: 'k' })
    await context.enqueue(
      { handler: 'free', concurrencyKey: 'k', priority: 1 },
      { handler: 'free', priority: 1, availableAt: LATER + MINUTE },
      { handler: 'free', priority: 9, availableAt: LATER }
    )
    assert.equal(await context.next(BOTH), LATER)
    assert.equal(await context.next(), START)
  },

  'where all that waits is held back its own instant says so': async (context) => {
    await heldBack(context, { cluster: 1 })
    context.pass(SECOND)
    assert.equal(await context.next(BOTH), START)
    const [first] = await context.storage.executions.list({ states: ['running'] })
    await context.settle(first)
    await context.claim()
    assert.equal(await context.next(BOTH), undefined)
  },

  'a rate that is used up counts with the instants of others': async (context) => {
    await heldBack(context, { rate: { limit: 1, per: 50 * SECOND } })
    // The span of the claim, with the part that it began in
    const free = START + 51 * SECOND
    assert.equal(await context.next(BOTH), free)
    await context.enqueue({ handler: 'free', availableAt: free + 1 })
    assert.equal(await context.next(BOTH), free)
    await context.enqueue({ handler: 'free', availableAt: free - 1 })
    assert.equal(await context.next(BOTH), free - 1)
    context.pass(50 * SECOND)
    assert.deepEqual(await context.claim(), [])
    context.pass(SECOND)
    assert.equal(await field(context.claim(), 'length'), 1)
  },

  'nothing begins before its rate leaves room, nor before its own instant': async (context) => {
    await limit(context, { rate: { limit: 1, per: 50 * SECOND } })
    await context.enqueue({})
    await context.claim()
    await context.enqueue({ availableAt: START + SECOND })
    assert.equal(await context.next(), START + 51 * SECOND)
    const far = { availableAt: START + 2 * MINUTE, queue: 'far' }
    await context.enqueue(far)
    assert.equal(await context.next({ queues: ['far'] }), far.availableAt)
    context.pass(MINUTE)
    assert.equal(await field(context.claim(), 'length'), 1)
    context.pass(50 * SECOND)
    // It has room again, and something else holds it back
    await limit(context, { cluster: 1 })
    assert.equal(await context.next(), far.availableAt)
  },

  'what came since the last look is not taken for held back': async (context) => {
    await heldBack(context, { cluster: 1 })
    context.pass(SECOND)
    await context.enqueue({ handler: 'free' }, { handler: 'free', availableAt: LATER })
    const came = context.now
    context.pass(2)
    assert.equal(await context.next({ ...BOTH, elapsed: 2.5 }), came)
    assert.equal(await context.next({ ...BOTH, elapsed: 1.5 }), LATER)
  },

  "it is told with the store's clock": async (context) => {
    const { executions } = context.storage
    const asked = { elapsed: 0, handlers: ['noop'], node: NODE }
    const waiting = context.execution({ delay: MINUTE })
    await executions.enqueue({ now: null, executions: [waiting] })
    const found = await executions.nextAvailableAt({ ...asked, now: null })
    const away = found!.next - found!.now
    assert.ok(away > MINUTE - 20 * SECOND && away <= MINUTE, `${away} ms`)
    const given = await executions.nextAvailableAt({ ...asked, now: 7 })
    assert.deepEqual(given, { now: 7, next: found!.next })
  },
})
