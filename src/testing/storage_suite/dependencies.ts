import assert from 'node:assert/strict'
import { cases, mapped, MINUTE, type SuiteContext } from './context.ts'
import type { NewDependency, NewExecution, NewParent } from '../../storage/contract.ts'
import type { ExecutionRecord } from '../../types/executions.ts'

async function change(
  context: SuiteContext,
  childId: string,
  set: NewDependency[],
  remove: string[] = []
) {
  const { storage, now } = context
  return storage.workflows.change({ now, childId, set, remove, declared: false })
}

async function insertEvents(context: SuiteContext, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    await context.insertEvent({ id, name: id })
  }
}

const onSuccess = (parentId: string): NewDependency => ({ parentId, on: 'success' })

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

async function end(context: SuiteContext, id: string, to: 'succeeded' | 'failed' = 'succeeded') {
  const claimed = await context.claim()
  const execution = claimed.find((each) => each.id === id)
  assert.ok(execution, `${id} is not among ${claimed.map((each) => each.id)}`)
  assert.equal(await context.settle(execution, { to }), true)
  for (const other of claimed.filter((each) => each.id !== id)) {
    await context.settle(other, { to: 'release' })
  }
}

export const dependencyCases = cases({
  'dependencies are stored, changed and taken away': async (context) => {
    await insertEvents(context, 'a', 'b', 'c')
    const { workflows } = context.storage
    const written = await change(context, 'c', [onSuccess('a'), { parentId: 'b', on: 'any' }])
    assert.deepEqual(written, [
      { childId: 'c', parentId: 'a', on: 'success', declared: false, createdAt: context.now },
      { childId: 'c', parentId: 'b', on: 'any', declared: false, createdAt: context.now },
    ])
    assert.equal(await change(context, 'c', [onSuccess('a')]), null)
    await change(context, 'c', [{ parentId: 'a', on: 'failure' }], ['b'])
    assert.deepEqual(await mapped(workflows.list(), ({ on }) => on), ['failure'])
    assert.deepEqual(await workflows.list({ eventIds: ['b'] }), [])
    assert.equal((await workflows.list({ eventIds: ['a'] })).length, 1)
  },

  'unknown events are refused': async (context) => {
    await insertEvents(context, 'a')
    await assert.rejects(change(context, 'a', [onSuccess('x')]), { code: 'E_EVENT_NOT_FOUND' })
    await assert.rejects(change(context, 'x', [onSuccess('a')]), { code: 'E_EVENT_NOT_FOUND' })
    assert.deepEqual(await context.storage.workflows.list(), [])
  },

  'a loop is refused with its path, and nothing is written': async (context) => {
    await insertEvents(context, 'a', 'b', 'c')
    await change(context, 'b', [onSuccess('a')])
    await change(context, 'c', [onSuccess('b')])
    await assert.rejects(change(context, 'a', [onSuccess('c')]), {
      code: 'E_DEPENDENCY_LOOP',
      message: /a -> b -> c -> a/,
    })
    await assert.rejects(change(context, 'a', [onSuccess('a')]), {
      code: 'E_DEPENDENCY_LOOP',
      message: /a -> a/,
    })
    assert.equal((await context.storage.workflows.list()).length, 2)
  },

  'two changes that close a loop together: one is refused': async (context) => {
    const other = await context.another()
    await insertEvents(context, 'a', 'b')
    const { storage, now } = context
    const both = await Promise.allSettled([
      storage.workflows.change({
        now,
        childId: 'a',
        set: [onSuccess('b')],
        remove: [],
        declared: false,
      }),
      other.workflows.change({
        now,
        childId: 'b',
        set: [onSuccess('a')],
        remove: [],
        declared: false,
      }),
    ])
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.equal((await storage.workflows.list()).length, 1)
  },

  'an event is inserted with what it runs after': async (context) => {
    await insertEvents(context, 'a')
    const { storage, now } = context
    const event = context.event({ id: 'b' })
    await storage.events.insert({ now, event, after: [onSuccess('a')] })
    const [dependency] = await storage.workflows.list()
    assert.deepEqual([dependency.childId, dependency.declared], ['b', true])
    const lost = context.event({ id: 'c' })
    const refused = storage.events.insert({ now, event: lost, after: [onSuccess('x')] })
    await assert.rejects(refused, { code: 'E_EVENT_NOT_FOUND' })
    assert.equal(await storage.events.find('c'), null)
  },

  'downstream is all that follows, with all that it runs after': async (context) => {
    await insertEvents(context, 'a', 'b', 'c', 'd', 'x')
    await change(context, 'b', [onSuccess('a')])
    await change(context, 'c', [onSuccess('b'), onSuccess('x')])
    await change(context, 'd', [onSuccess('x')])
    const { events, dependencies } = await context.storage.workflows.downstream({ eventIds: ['a'] })
    assert.deepEqual(
      events.map(({ id }) => id),
      ['a', 'b', 'c', 'x']
    )
    assert.deepEqual(
      dependencies.map(({ childId, parentId }) => childId + parentId),
      ['ba', 'cb', 'cx']
    )
    const none = await context.storage.workflows.downstream({ eventIds: ['d'] })
    assert.deepEqual(none, { events: [], dependencies: [] })
  },

  'an event that others run after is deleted only when they are detached': async (context) => {
    await insertEvents(context, 'a', 'b', 'c')
    await change(context, 'b', [onSuccess('a')])
    await change(context, 'c', [onSuccess('b')])
    const { storage, now } = context
    const refused = storage.events.delete({ now, id: 'a' })
    await assert.rejects(refused, { code: 'E_EVENT_HAS_DEPENDENTS', message: /"a".* b / })
    await storage.events.delete({ now, id: 'c' })
    await storage.events.delete({ now, id: 'a', detach: true })
    assert.deepEqual(await storage.workflows.list(), [])
  },

  'a source that deletes an event detaches what runs after it': async (context) => {
    await insertEvents(context, 'b')
    const { storage, now } = context
    const sync = { now, source: 'code', missing: 'delete' } as const
    const definitions = [context.definition('a', { id: 'a' })]
    await storage.events.syncSource({ ...sync, definitions })
    await change(context, 'b', [onSuccess('a')])
    await storage.events.syncSource({ ...sync, definitions: [] })
    assert.deepEqual(await storage.workflows.list(), [])
  },

  'a child of two roots runs once, after both': async (context) => {
    await insertEvents(context, 'b', 'c', 'd')
    const b = await begin(context, 'b', ['c'])
    assert.equal((await ofEvent(context, 'd'))[0].waitingFor, 2)
    await end(context, b)
    assert.equal((await ofEvent(context, 'd'))[0].waitingFor, 1)
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
    assert.equal((await ofEvent(context, 'd'))[0].state, 'queued')
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
    const [child] = await ofEvent(context, 'd')
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
    assert.equal((await ofEvent(context, 'd')).length, 1)
    assert.equal((await ofEvent(context, 'e')).length, 1)
    await end(context, b)
    await end(context, c)
    await end(context, (await ofEvent(context, 'd'))[0].id)
    await end(context, (await ofEvent(context, 'e'))[0].id)
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
      assert.equal((await ofEvent(context, 'd')).length, round)
      await end(context, executions[0].id)
      await end(context, executions[1].id)
      const [child] = await ofEvent(context, 'd')
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
    const [child] = await ofEvent(context, 'd')
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
