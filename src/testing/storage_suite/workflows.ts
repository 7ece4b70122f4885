import assert from 'node:assert/strict'
import {
  cases,
  DAY,
  field,
  LEASE,
  MINUTE,
  mapped,
  NODE,
  SECOND,
  type SuiteContext,
} from './context.ts'
import type { NewExecution, NewParent, Settlement } from '../../storage/contract.ts'
import type { ExecutionState } from '../../types/executions.ts'
import type { ParentCondition } from '../../types/workflows.ts'

/** A parent of an execution without an event. */
export function after(parentId: string | null, on: ParentCondition = 'success'): NewParent {
  return { parentId, parentEventId: null, name: parentId ?? 'coming', on }
}

/** Enqueues `root` with children, each by its id, named with what it waits for. */
export async function run(
  context: SuiteContext,
  root: string,
  children: Record<string, NewParent[]>,
  columns: Partial<NewExecution> = {}
): Promise<void> {
  await context.enqueue({
    id: root,
    workflowId: 'w',
    children: Object.entries(children).map(([id, parents]) =>
      context.execution({ id, workflowId: 'w', parents, ...columns })
    ),
  })
}

/** Claims the only execution there is to claim and ends it. */
export async function finish(
  context: SuiteContext,
  id: string,
  to: Settlement['to'] = 'succeeded',
  columns: Partial<Settlement> = {}
) {
  const claimed = await context.claim({ limit: 1 })
  assert.deepEqual(
    claimed.map((execution) => execution.id),
    [id]
  )
  const settlements = [context.settlement(claimed[0], { to, eventId: null, ...columns })]
  const [result] = await context.storage.executions.settle({ now: context.now, settlements })
  assert.equal(result.applied, true)
  return result
}

async function states(
  context: SuiteContext,
  ...ids: string[]
): Promise<Record<string, ExecutionState | undefined>> {
  const entries = ids.map(async (id) => [id, await field(context.find(id), 'state')] as const)
  return Object.fromEntries(await Promise.all(entries))
}

export const workflowCases = cases({
  'a child waits in the queue and cannot be claimed': async (context) => {
    await run(context, 'a', { b: [after('a')] })
    const b = await context.find('b')
    assert.equal(b.state, 'queued')
    assert.equal(b.waitingFor, 1)
    assert.equal(b.workflowId, 'w')
    context.pass(1_000 * DAY)
    assert.deepEqual(await mapped(context.claim(), ({ id }) => id), ['a'])
    assert.deepEqual(await context.claim(), [])
  },

  'the end of a parent tells which children it moved': async (context) => {
    await run(context, 'a', { b: [after('a')], c: [after('a', 'failure')], d: [after('c', 'any')] })
    const { children = [] } = await finish(context, 'a')
    const moved = children.map(({ id, state, reason }) => [id, state, reason])
    assert.deepEqual(moved.sort(), [
      ['b', 'queued', null],
      ['c', 'skipped', 'parent "a" ended as succeeded'],
      ['d', 'queued', null],
    ])
  },

  'a diamond runs its last node once, after both sides': async (context) => {
    await run(context, 'a', { b: [after('a')], c: [after('a')], d: [after('b'), after('c')] })
    await finish(context, 'a')
    await finish(context, 'b')
    assert.equal(await field(context.find('d'), 'waitingFor'), 1)
    await finish(context, 'c')
    await finish(context, 'd')
    assert.deepEqual(await context.claim(), [])
  },

  'what waits for something skipped is skipped, with the reason': async (context) => {
    await run(context, 'a', {
      b: [after('a')],
      c: [after('b')],
      d: [after('c')],
      e: [after('d', 'any')],
    })
    await finish(context, 'a', 'failed')
    assert.deepEqual(await states(context, 'b', 'c', 'd', 'e'), {
      b: 'skipped',
      c: 'skipped',
      d: 'skipped',
      e: 'queued',
    })
    assert.equal(await field(context.find('c'), 'reason'), 'parent "b" ended as skipped')
    assert.notEqual(await field(context.find('c'), 'finishedAt'), null)
  },

  'a retry, a hand-back and a rescue release nothing': async (context) => {
    await run(context, 'a', { b: [after('a', 'any')] })
    await finish(context, 'a', 'retry')
    await finish(context, 'a', 'release')
    await context.claim()
    context.pass(LEASE + SECOND)
    const { storage, now } = context
    const expired = await storage.executions.listExpired({ now, limit: 10 })
    await storage.executions.rescueExpired({ now, expired, maxRescues: 3 })
    assert.equal(await field(context.find('b'), 'waitingFor'), 1)
    await finish(context, 'a')
    await finish(context, 'b')
  },

  'a child that waits can be cancelled, and its children follow': async (context) => {
    await run(context, 'a', { b: [after('a')], c: [after('b')] })
    const { storage, now } = context
    const result = await storage.executions.requestCancel({ now, id: 'b', reason: 'no more' })
    assert.equal(result?.done, 'cancelled')
    const moved = result.children.map(({ id, state, reason }) => [id, state, reason])
    assert.deepEqual(moved, [['c', 'skipped', 'parent "b" ended as cancelled']])
    assert.deepEqual(await states(context, 'b', 'c'), { b: 'cancelled', c: 'skipped' })
    await finish(context, 'a')
    assert.equal(await field(context.find('b'), 'state'), 'cancelled')
    assert.deepEqual(await context.claim(), [])
  },

  'a delay counts from the end of the last parent': async (context) => {
    await run(context, 'a', { b: [after('a')] }, { delay: MINUTE })
    context.pass(DAY)
    await finish(context, 'a')
    assert.equal(await field(context.find('b'), 'availableAt'), context.now + MINUTE)
    assert.deepEqual(await context.claim(), [])
    context.pass(MINUTE)
    await finish(context, 'b')
  },

  'children go in with their root, and only then': async (context) => {
    await context.enqueue({ id: 'held', dedupeKey: 'one' })
    const children = [context.execution({ id: 'b', parents: [after('a')] })]
    await context.enqueue({ id: 'a', dedupeKey: 'one', children })
    assert.equal(await context.storage.executions.find('b'), null)
  },

  'an unknown parent is refused, and nothing is written': async (context) => {
    const children = [context.execution({ id: 'b', parents: [after('nobody')] })]
    await assert.rejects(context.enqueue({ id: 'a', children }), { code: 'E_EXECUTION_NOT_FOUND' })
    assert.equal(await context.storage.executions.find('b'), null)
  },

  'a parent from before that has ended counts as it ended': async (context) => {
    const ended = await context.ended()
    const running = await context.running()
    const children = [
      context.execution({ id: 'b', parents: [after(ended)] }),
      context.execution({ id: 'c', parents: [after(ended, 'failure')] }),
      context.execution({ id: 'd', parents: [after(running.id)] }),
      context.execution({ id: 'e', parents: [after('c')] }),
    ]
    await context.enqueue({ id: 'a', availableAt: context.now + DAY, children })
    assert.deepEqual(await states(context, 'b', 'c', 'd', 'e'), {
      b: 'queued',
      c: 'skipped',
      d: 'queued',
      e: 'skipped',
    })
    await finish(context, 'b')
    await context.settle(running, { eventId: null })
    await finish(context, 'd')
  },

  'a child finds how its parents ended, by name': async (context) => {
    await run(context, 'a', { b: [after('a')], c: [after('a'), after('b', 'any')] })
    await finish(context, 'a', 'succeeded', { result: { rows: 7 } })
    await finish(context, 'b', 'failed', { reason: 'no luck' })
    assert.deepEqual(await context.storage.workflows.parentsOf('c'), {
      a: { executionId: 'a', outcome: 'succeeded', result: { rows: 7 }, reason: null },
      b: { executionId: 'b', outcome: 'failed', result: null, reason: 'no luck' },
    })
    assert.deepEqual(await context.storage.workflows.parentsOf('a'), {})
  },

  'the descendants of an execution come with their links': async (context) => {
    await run(context, 'a', { b: [after('a')], c: [after('b')], d: [after('a'), after('c')] })
    const { executions, links } = await context.storage.workflows.descendants('b')
    assert.deepEqual(executions.map(({ id }) => id).sort(), ['c', 'd'])
    assert.deepEqual(links.map(({ childId, parentId }) => `${childId}<${parentId}`).sort(), [
      'c<b',
      'd<a',
      'd<c',
    ])
  },

  'ends of several parents in one batch release a child once': async (context) => {
    await context.enqueue(
      { id: 'a1' },
      { id: 'a2', children: [context.execution({ id: 'b', parents: [after('a1'), after('a2')] })] }
    )
    const claimed = await context.claim()
    const settlements = claimed.map((execution) => context.settlement(execution, { eventId: null }))
    const results = await context.storage.executions.settle({ now: context.now, settlements })
    assert.equal(
      results.every(({ applied }) => applied),
      true
    )
    assert.deepEqual(
      results.flatMap(({ children = [] }) => children.map(({ id }) => id)),
      ['b']
    )
    await finish(context, 'b')
  },

  'two parents that end at once on two nodes release a child once': async (context) => {
    const other = await context.another()
    for (let round = 1; round <= 20; round++) {
      const [a, b, child] = [`a${round}`, `b${round}`, `c${round}`]
      await context.enqueue(
        { id: a },
        { id: b, children: [context.execution({ id: child, parents: [after(a), after(b)] })] }
      )
      const claimed = await context.claim()
      const results = await Promise.all(
        claimed.map((execution, index) =>
          (index === 0 ? context.storage : other).executions.settle({
            now: context.now,
            settlements: [context.settlement(execution, { eventId: null })],
          })
        )
      )
      const moved = results.flat().flatMap(({ children = [] }) => children.map(({ id }) => id))
      assert.deepEqual(moved, [child])
      await finish(context, child)
    }
  },

  'deleting a child deletes what it waited for': async (context) => {
    await run(context, 'a', { b: [after('a')] })
    await finish(context, 'a', 'failed')
    const { storage } = context
    context.pass(2 * DAY)
    await storage.stats.rollup({ now: context.now, limit: 10 })
    const rule = {
      outcome: 'skipped',
      handler: null,
      eventId: null,
      age: DAY,
      count: null,
    } as const
    assert.equal(await storage.executions.prune({ now: context.now, rule, limit: 10 }), 1)
    assert.deepEqual(await storage.workflows.parentsOf('b'), {})
    assert.deepEqual(await field(storage.workflows.descendants('a'), 'executions'), [])
  },

  'a skipped execution counts for its event': async (context) => {
    const event = await context.insertEvent()
    await run(context, 'a', { b: [after('a')] }, { eventId: event.id })
    await finish(context, 'a', 'failed')
    const { lastOutcome, failureCount } = await context.findEvent(event.id)
    assert.deepEqual([lastOutcome, failureCount], ['skipped', 0])
  },

  'a claimed parent is settled whoever believes it has no children': async (context) => {
    await run(context, 'a', { b: [after('a')] })
    const [a] = await context.claim({ node: NODE })
    const plain = { to: 'succeeded', eventId: null, error: null } as const
    assert.equal(await context.settle(a, plain), true)
    await finish(context, 'b')
  },
})
