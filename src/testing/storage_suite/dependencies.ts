import assert from 'node:assert/strict'
import { cases, field, mapped, type SuiteContext } from './context.ts'
import type { NewDependency } from '../../storage/contract.ts'

export async function change(
  context: SuiteContext,
  childId: string,
  set: NewDependency[],
  remove: string[] = []
) {
  const { storage, now } = context
  return storage.workflows.change({ now, childId, set, remove, declared: false })
}

export async function insertEvents(context: SuiteContext, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    await context.insertEvent({ id, name: id })
  }
}

export const onSuccess = (parentId: string): NewDependency => ({ parentId, on: 'success' })

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
    assert.equal(await field(context.storage.workflows.list({ eventIds: ['a'] }), 'length'), 1)
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
    assert.equal(await field(context.storage.workflows.list(), 'length'), 2)
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
    assert.equal(await field(context.storage.workflows.list(), 'length'), 1)
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
})
