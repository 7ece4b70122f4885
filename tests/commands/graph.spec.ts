import { test } from '@japa/runner'
import AlmanacGraph from '../../commands/almanac_graph.ts'
import { setup } from './ace.ts'

test.group('almanac:graph', () => {
  test('shows a tree for people, and nodes and edges for programs', async ({ assert, fs }) => {
    const { run, almanac, createEvent } = await setup(fs)
    const a = await createEvent('extract', 'fail')
    const b = await createEvent('load')
    const c = await createEvent('report')
    await almanac.events.dependOn(b.id, a.id)
    await almanac.events.dependOn(c.id, [a.id, b.id], { on: 'any' })
    await almanac.events.update(a.id, { retries: 0 })
    await almanac.trigger(a.id)
    await almanac.runOnce()
    const tree = await run(AlmanacGraph)
    assert.equal(tree.exitCode, 0)
    assert.match(tree.lines[0], /^extract, failed 2/)
    assert.match(tree.text, /\n {2}on success: load, skipped .*parent "extract" ended as failed/)
    assert.match(tree.text, /\n {4}on any: report, succeeded/)
    assert.match(tree.lines.at(-1)!, /^ {2}on any: report/)
    const json = await run(AlmanacGraph, ['--json', 'load'])
    assert.containSubset(json.json(), {
      nodes: [
        { event: { name: 'extract' } },
        { event: { id: b.id } },
        { last: { state: 'succeeded' } },
      ],
      edges: [{ childId: b.id, parentId: a.id, on: 'success' }, { on: 'any' }],
      loop: null,
    })
  })

  test('says that there is none, and tells a loop that plain SQL has made', async ({
    assert,
    fs,
  }) => {
    const { run, app, almanac, createEvent } = await setup(fs)
    const none = await run(AlmanacGraph)
    assert.deepEqual([none.exitCode, none.text], [0, 'No event runs after another one'])
    const a = await createEvent('a')
    const b = await createEvent('b')
    await almanac.events.dependOn(b.id, a.id)
    const row = { child_id: a.id, parent_id: b.id, on_outcome: 'any', declared: 0, created_at: 1 }
    const db = await app.container.make('lucid.db')
    await db.table('almanac_dependencies').insert({ id: 'x', ...row })
    const looped = await run(AlmanacGraph)
    assert.equal(looped.exitCode, 1)
    assert.match(looped.text, /wait for each other and never run so: (a -> b -> a|b -> a -> b)/)
    await almanac.trigger(a.id)
    await almanac.runOnce()
    assert.lengthOf(await almanac.history({ eventId: a.id }), 1)
    const unknown = await run(AlmanacGraph, ['nobody'])
    assert.equal(unknown.exitCode, 1)
  })
})
