import { test } from '@japa/runner'
import { hourly, setup } from './setup.ts'

test.group('Events that run after others', () => {
  test('a slot runs all that follows, each once, with results handed on', async ({ assert }) => {
    const { t, create, seen, names, recorder } = await setup()
    const a = await create('a', { trigger: hourly })
    await create('b', { after: 'a' })
    await create('c', { after: ['a'] })
    await create('d', { after: [{ event: 'b' }, { event: 'c', on: 'any' }] })
    const fired = await t.tick('1h')
    assert.lengthOf(fired, 1)
    assert.sameMembers(names().slice(1, 3), ['b', 'c'])
    assert.deepEqual([names()[0], names()[3], names().length], ['a', 'd', 4])
    assert.containSubset(seen[3].parents, {
      b: { outcome: 'succeeded', result: 'result of b' },
      c: { outcome: 'succeeded', result: 'result of c' },
    })
    assert.deepEqual(seen[0].parents, {})
    assert.lengthOf(recorder.of('execution:queued'), 4)
    await t.tick('1h')
    assert.lengthOf(names(), 8)
    assert.include(await t.almanac.events.get(a.id), { runCount: 2 })
  })

  test('an event without slots stays active, and says what it is', async ({ assert }) => {
    const { almanac, create } = await setup()
    await create('a', { trigger: hourly })
    const b = await create('b', { after: 'a' })
    assert.containSubset(b, { status: 'active', nextRunAt: null, trigger: { kind: 'manual' } })
    assert.equal(almanac.describe(b.trigger), 'by hand, or after other events')
    await almanac.events.pause(b.id)
    assert.include(await almanac.events.resume(b.id), { status: 'active', nextRunAt: null })
    await assert.rejects(() => create('c'), /trigger/)
  })

  test('a failed parent skips its children, with the reason, and tells so', async ({ assert }) => {
    const { t, almanac, create, failing, statesOf, names, recorder } = await setup()
    const a = await create('a', { trigger: hourly })
    const b = await create('b', { after: 'a' })
    const c = await create('c', { after: 'b' })
    await create('alert', { after: { event: 'a', on: 'failure' } })
    failing.add('a')
    await t.tick('1h')
    assert.deepEqual(names(), ['a', 'alert'])
    assert.deepEqual(await statesOf(b.id), ['skipped'])
    const [skipped] = await almanac.history({ eventId: c.id })
    assert.equal(skipped.reason, 'parent "b" ended as skipped')
    const told = recorder.of('execution:skipped')
    assert.deepEqual(
      told.map(({ reason }) => reason),
      ['parent "a" ended as failed', 'parent "b" ended as skipped']
    )
    assert.include(await almanac.events.get(a.id), { failureCount: 1 })
  })

  test('a retry releases nothing until it is over', async ({ assert }) => {
    const { t, almanac, create, statesOf } = await setup()
    let broken = true
    almanac.register('flaky', () => {
      if (broken) {
        throw new Error('not yet')
      }
    })
    const b = await create('b', { after: [] as never, trigger: { kind: 'manual' } })
    const a = await create('a', { handler: 'flaky', retries: 1, trigger: { kind: 'manual' } })
    await almanac.events.dependOn(b.id, a.id, { by: 'ann' })
    await almanac.trigger(a.id)
    await almanac.runOnce()
    assert.deepEqual(await statesOf(b.id), ['queued'])
    broken = false
    await t.tick('1h')
    assert.deepEqual(await statesOf(b.id), ['succeeded'])
  })

  test('roots of their own are joined: the child runs once after both', async ({ assert }) => {
    const { t, almanac, create, names, seen } = await setup()
    const b = await create('b', { trigger: hourly })
    await create('c', { trigger: hourly })
    await create('d', { after: ['b', 'c'] })
    await t.tick('1h')
    assert.deepEqual(names().toSorted(), ['b', 'c', 'd'])
    await t.tick('1h')
    assert.lengthOf(names(), 6)
    await almanac.trigger(b.id)
    await almanac.runOnce()
    assert.equal(names().at(-1), 'b')
    await t.tick('1h')
    assert.deepEqual(names().filter((name) => name === 'd').length, 3)
    assert.sameMembers(Object.keys(seen.at(-1)!.parents), ['b', 'c'])
  })

  test('one that is paused takes no part, nor what is reached over it', async ({ assert }) => {
    const { t, almanac, create, names } = await setup()
    await create('a', { trigger: hourly })
    const b = await create('b', { after: 'a' })
    await create('c', { after: 'b' })
    await create('d', { after: 'a' })
    await almanac.events.pause(b.id)
    await t.tick('1h')
    assert.deepEqual(names(), ['a', 'd'])
    await almanac.events.resume(b.id)
    await t.tick('1h')
    assert.sameMembers(names().slice(2), ['a', 'b', 'c', 'd'])
  })

  test('loops and what cannot be meant are refused with a remedy', async ({ assert }) => {
    const { almanac, create } = await setup()
    const a = await create('a', { trigger: hourly })
    const b = await create('b', { after: 'a' })
    const { events } = almanac
    await assert.rejects(() => events.dependOn(a.id, b.id), /wait for each other: a -> b -> a/)
    await assert.rejects(() => events.dependOn(a.id, a.id), /a -> a/)
    await assert.rejects(() => events.dependOn(a.id, 'x'), /no event "x"/i)
    await assert.rejects(
      () => events.dependOn(a.id, b.id, { on: 'often' as never }),
      /on.*often.*"success"/s
    )
    await assert.rejects(
      () => create('c', { after: 'x' }),
      /after\[0\]\.event.*x.*create it first/s
    )
    await assert.rejects(() => create('c', { after: { on: 'any' } as never }), /after\[0\]\.event/)
    await assert.rejects(
      () => create('c', { after: { event: 'a', when: 1 } as never }),
      /when.*unknown/s
    )
    for (const twice of ['a', { event: a.id, on: 'failure' as const }]) {
      await assert.rejects(
        () => create('c', { after: ['a', twice] }),
        /after\[1\]\.event.*each parent once/s
      )
    }
    for (const [options, message] of [
      [{ onn: 'failure' }, /onn.*unknown.*on, by/s],
      [null, /options.*null.*give an object/s],
    ] as [never, RegExp][]) {
      await assert.rejects(() => events.dependOn(a.id, b.id, options), message)
    }
    assert.isNull(await events.findByName('c'))
    await events.dependOn(b.id, [a.id, a.id])
    assert.lengthOf(await events.dependenciesOf(b.id), 1)
    assert.isTrue(await events.removeDependency(b.id, a.id))
    assert.isFalse(await events.removeDependency(b.id, a.id))
    await events.dependOn(a.id, b.id)
  })

  test('deleting an event that others run after is refused, or detaches them', async ({
    assert,
  }) => {
    const { almanac, create } = await setup()
    const a = await create('a', { trigger: hourly })
    const b = await create('b', { after: 'a' })
    await assert.rejects(() => almanac.events.delete(a.id), /not deleted: b run after it/)
    await almanac.events.delete(a.id, 'ann', { detach: true })
    assert.deepEqual(await almanac.events.dependenciesOf(b.id), [])
  })

  test('upsert brings the dependencies along, those by hand stay', async ({ assert }) => {
    const { almanac, create } = await setup()
    const a = await create('a', { trigger: hourly })
    const x = await create('x', { trigger: hourly })
    const input = { name: 'b', handler: 'work' }
    const { event } = await almanac.events.upsert({ ...input, after: ['a'] })
    await almanac.events.dependOn(event.id, x.id)
    await almanac.events.upsert({ ...input, after: { event: 'a', on: 'failure' } })
    const found = async () => {
      const dependencies = await almanac.events.dependenciesOf(event.id)
      return dependencies.map(({ parentId, on }) => [parentId, on])
    }
    assert.sameDeepMembers(await found(), [
      [a.id, 'failure'],
      [x.id, 'success'],
    ])
    await almanac.events.upsert({ ...input, trigger: hourly, after: [] })
    assert.deepEqual(await found(), [[x.id, 'success']])
  })

  test('a source brings what its definitions run after, each judged alone', async ({ assert }) => {
    const { t, almanac, names } = await setup()
    const define = (name: string, after?: string, hash = name) => ({
      ...{ key: name, name, handler: 'work', payload: { name }, hash },
      ...(after === undefined ? { trigger: hourly } : { after }),
    })
    const sync = (...definitions: ReturnType<typeof define>[]) =>
      almanac.syncSource('code', definitions, { missing: 'pause' })
    const first = await sync(define('b', 'a'), define('a'), define('c', 'nobody'))
    assert.deepEqual(
      first.problems.map(({ key }) => key),
      ['c']
    )
    await t.tick('1h')
    assert.deepEqual(names(), ['a', 'b'])
    // Turned round
    const second = await sync(define('a', 'b', '2'), define('b', undefined, '2'))
    assert.deepEqual(second.problems, [])
    await t.tick('1h')
    assert.deepEqual(names().slice(2), ['b', 'a'])
    const looped = await sync(define('a', 'b', '2'), define('b', 'a', '3'))
    assert.match(looped.problems[0].message, /wait for each other/)
  })

  test('an export carries what runs after what, an import brings it back', async ({ assert }) => {
    const from = await setup()
    await from.create('child', { trigger: hourly })
    await from.create('a', { trigger: hourly })
    const b = await from.create('b', { after: { event: 'a', on: 'any' } })
    await from.almanac.events.dependOn(b.id, (await from.almanac.events.findByName('child'))!.id)
    const lines = await Array.fromAsync(from.almanac.export())
    const into = await setup()
    assert.include(await into.almanac.import(lines), { added: 3 })
    const graph = await into.almanac.graph()
    assert.deepEqual(graph.edges.map(({ on }) => on).toSorted(), ['any', 'success'])
    const again = await Array.fromAsync(into.almanac.export())
    assert.deepEqual(again.slice(1), lines.slice(1))
    const lost = lines.filter((line) => !line.includes('"name":"a"'))
    const without = await setup()
    const report = await without.almanac.import(lost)
    assert.match(report.refused[0].message, /no event of source "api"/)
  })

  test('the graph tells nodes, edges and the newest executions', async ({ assert }) => {
    const { t, almanac, create, failing } = await setup()
    const a = await create('a', { trigger: hourly })
    const b = await create('b', { after: 'a' })
    await create('c', { after: 'b' })
    await create('x', { trigger: hourly })
    await create('y', { after: 'x' })
    failing.add('b')
    await t.tick('1h')
    const graph = await almanac.graph(b.id)
    assert.deepEqual(
      graph.nodes.map(({ event, last }) => [event.name, last?.state]),
      [
        ['a', 'succeeded'],
        ['b', 'failed'],
        ['c', 'skipped'],
      ]
    )
    assert.containSubset(graph, { edges: [{ parentId: a.id, on: 'success' }], loop: null })
    const whole = await almanac.graph()
    assert.lengthOf(whole.nodes, 5)
    await assert.rejects(() => almanac.graph('x'), /no event "x"/i)
  })
})
