import assert from 'node:assert/strict'
import { cases, field, mapped, MINUTE, type SuiteContext } from './context.ts'
import { change, insertEvents, onSuccess } from './dependencies.ts'
import type { NewExecution, NewParent } from '../../storage/contract.ts'
import type { ExecutionRecord } from '../../types/executions.ts'

/** An execution of event `d` that waits for one of `known` and for the next of `coming`. */
function gathering(
  context: SuiteContext,
  known: Record<string, string>,
  coming: string[]
): NewExecution {
  const link = (event: string, parentId: string | null): NewParent => ({
    parentId,
    parentEventId: event,
    name: event,
    on: 'success',
  })
  const parents = [
    ...Object.entries(known).map(([event, id]) => link(event, id)),
    ...coming.map((event) => link(event, null)),
  ]
  return context.execution({ id: context.id('d'), eventId: 'd', parents })
}

/** An execution of an event whose `d` waits for it and for the events that come. */
async function begin(context: SuiteContext, event: string, coming: string[]): Promise<string> {
  const id = context.id(event)
  const children = [gathering(context, { [event]: id }, coming)]
  await context.enqueue({ id, eventId: event, children })
  return id
}

async function ofEvent(context: SuiteContext, eventId: string): Promise<ExecutionRecord[]> {
  return context.storage.executions.list({ eventId })
}

async function newest(context: SuiteContext, eventId: string): Promise<ExecutionRecord> {
  const [execution] = await ofEvent(context, eventId)
  return execution
}

async function end(context: SuiteContext, id: string, to: 'succeeded' | 'failed' = 'succeeded') {
  const claimed = await context.claim()
  const execution = claimed.find((each) => each.id === id)
  assert.ok(execution, `${id} is not among ${claimed.map((each) => each.id)}`)
  assert.equal(await context.settle(execution, { to }), true)
  for (const other of claimed.filter((each) => each.id !== id)) {
    await context.settle(other, { to: 'release' })
  }
}

export const severalRootCases = cases({
  'a child of two roots runs once, after both': async (context) => {
    await insertEvents(context, 'b', 'c', 'd')
    const b = await begin(context, 'b', ['c'])
    assert.equal(await field(newest(context, 'd'), 'waitingFor'), 2)
    await end(context, b)
    assert.equal(await field(newest(context, 'd'), 'waitingFor'), 1)
    const c = await begin(context, 'c', ['b'])
    const children = await ofEvent(context, 'd')
    assert.deepEqual(
      children.map(({ waitingFor }) => waitingFor),
      [1]
    )
    await end(context, c)
    await end(context, children[0].id)
    assert.deepEqual(await mapped(ofEvent(context, 'd'), ({ state }) => state), ['succeeded'])
  },

  'the newest execution of a parent is the one that is waited for': async (context) => {
    await insertEvents(context, 'b', 'c', 'd')
    await end(context, await begin(context, 'b', ['c']), 'failed')
    assert.equal(await field(newest(context, 'd'), 'state'), 'queued')
    const again = await begin(context, 'b', ['c'])
    await end(context, again)
    const c = await begin(context, 'c', ['b'])
    await end(context, c)
    const [child, ...more] = await ofEvent(context, 'd')
    assert.deepEqual(more, [])
    const ends = await context.storage.workflows.parentsOf(child.id)
    assert.deepEqual([ends.b.executionId, ends.c.executionId], [again, c])
    await end(context, child.id)
  },

  'a parent that failed skips the child once all of its parents have come': async (context) => {
    await insertEvents(context, 'b', 'c', 'd')
    await end(context, await begin(context, 'b', ['c']), 'failed')
    await begin(context, 'c', ['b'])
    const child = await newest(context, 'd')
    assert.deepEqual([child.state, child.reason], ['skipped', 'parent "b" ended as failed'])
    // The next ones pair up again
    await begin(context, 'b', ['c'])
    await begin(context, 'c', ['b'])
    const next = await ofEvent(context, 'd')
    assert.equal(next.length, 2)
    assert.equal(
      next.filter(({ state, waitingFor }) => state === 'queued' && waitingFor === 2).length,
      1
    )
  },

  'what waits below a child of two roots is joined too': async (context) => {
    await insertEvents(context, 'b', 'c', 'd', 'e')
    const both = async (event: string, coming: string) => {
      const id = context.id(event)
      const d = gathering(context, { [event]: id }, [coming])
      const parents = [{ parentId: d.id, parentEventId: 'd', name: 'd', on: 'success' as const }]
      const e = context.execution({ id: context.id('e'), eventId: 'e', parents })
      await context.enqueue({ id, eventId: event, children: [d, e] })
      return id
    }
    const b = await both('b', 'c')
    const c = await both('c', 'b')
    assert.equal(await field(ofEvent(context, 'd'), 'length'), 1)
    assert.equal(await field(ofEvent(context, 'e'), 'length'), 1)
    await end(context, b)
    await end(context, c)
    await end(context, (await field(newest(context, 'd'), 'id'))!)
    await end(context, (await field(newest(context, 'e'), 'id'))!)
  },

  'two roots that begin at once on two nodes have one child': async (context) => {
    const other = await context.another()
    await insertEvents(context, 'b', 'c', 'd')
    for (let round = 1; round <= 5; round++) {
      const root = (event: string, coming: string) => {
        const id = context.id(event)
        const children = [gathering(context, { [event]: id }, [coming])]
        return context.execution({ id, eventId: event, children })
      }
      const executions = [root('b', 'c'), root('c', 'b')]
      const { now } = context
      await Promise.all([
        context.storage.executions.enqueue({ now, executions: [executions[0]] }),
        other.executions.enqueue({ now, executions: [executions[1]] }),
      ])
      assert.equal(await field(ofEvent(context, 'd'), 'length'), round)
      await end(context, executions[0].id)
      await end(context, executions[1].id)
      const child = await newest(context, 'd')
      await end(context, child.id)
    }
  },

  'a dependency that is taken away is no longer waited for': async (context) => {
    await insertEvents(context, 'b', 'c', 'd')
    await change(context, 'd', [onSuccess('b'), onSuccess('c')])
    const b = await begin(context, 'b', ['c'])
    await end(context, b)
    context.pass(MINUTE)
    await change(context, 'd', [], ['c'])
    const child = await newest(context, 'd')
    assert.deepEqual([child.waitingFor, child.availableAt], [null, context.now])
    await end(context, child.id)
  },

  'a fired slot brings its children, a stale one none': async (context) => {
    const event = await context.insertEvent({ id: 'a' })
    await insertEvents(context, 'd')
    const firing = context.firing(event)
    const [root] = firing.executions
    root.children = [gathering(context, { a: root.id }, [])]
    const { storage, now } = context
    await storage.events.fire({ now, firings: [firing] })
    await storage.events.fire({ now, firings: [firing] })
    assert.deepEqual(await mapped(ofEvent(context, 'd'), ({ waitingFor }) => waitingFor), [1])
  },
})
