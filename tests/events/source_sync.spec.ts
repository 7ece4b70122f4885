import { test } from '@japa/runner'
import { at, definition, eventOf, HOUR, setup, SOURCE, sync } from './support.ts'

test.group('Source sync | a set of definitions', () => {
  test('adds, changes, removes and leaves alone', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a'), definition('b'), definition('c'))
    const before = await eventOf(app, 'a')
    app.notices.clear()

    const result = await sync(
      app,
      definition('a'),
      definition('b', { hash: 'b-2', priority: 1 }),
      definition('d')
    )

    assert.deepEqual(
      result.added.map(({ name }) => name),
      ['d']
    )
    assert.deepEqual(
      result.changed.map(({ before: old, after }) => [old.priority, after.priority]),
      [[null, 1]]
    )
    assert.deepEqual(
      result.removed.map(({ name }) => name),
      ['c']
    )
    assert.equal(result.unchanged, 1)
    assert.isEmpty(result.problems)
    assert.deepEqual(await eventOf(app, 'a'), before)
    assert.deepEqual(app.notices.names(), [
      'event:created',
      'event:updated',
      'event:deleted',
      'source:synced',
    ])
    assert.deepEqual(app.notices.of('source:synced')[0], {
      source: SOURCE,
      added: 1,
      changed: 1,
      removed: 1,
      unchanged: 1,
      problems: [],
      at: '2026-03-01T06:30:00.000Z',
    })
  })

  test('a new event belongs to its source', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a'))

    assert.containsSubset(await eventOf(app, 'a'), {
      source: SOURCE,
      sourceKey: 'a',
      sourceHash: 'a-1',
      status: 'active',
      statusBy: 'source',
      nextRunAt: at('07:00:00'),
    })
    assert.equal(app.woken.count, 1)
  })

  test('journals each change and the sync, and nothing when all is as it was', async ({
    assert,
  }) => {
    const app = setup()
    await sync(app, definition('a'), definition('b'))
    await sync(app, definition('a'), definition('b'))
    await sync(app, definition('a', { hash: 'a-2', priority: 2 }))

    assert.deepEqual(await app.kinds(), [
      'event.created',
      'event.created',
      'source.synced',
      'event.updated',
      'event.deleted',
      'source.synced',
    ])
    const entry = await app.lastEntry()
    assert.equal(entry.actor, 'node-1')
    assert.equal(entry.subject, SOURCE)
    assert.lengthOf(app.notices.of('source:synced'), 3)
  })

  test('reads more events than fit a page', async ({ assert }) => {
    const app = setup()
    const definitions = Array.from({ length: 2_100 }, (_, n) => definition(`key-${n}`))
    await sync(app, ...definitions)

    const last = definitions.findIndex(({ key }) => key === 'key-999')
    definitions[last] = definition('key-999', { hash: 'other', priority: 1 })
    const result = await sync(app, ...definitions)

    assert.equal(result.unchanged, 2_099)
    assert.lengthOf(result.changed, 1)
    assert.isEmpty(result.problems)
  })

  test('a handler of other nodes is no problem', async ({ assert }) => {
    const app = setup()

    const result = await sync(app, definition('a', { handler: 'elsewhere' }))

    assert.lengthOf(result.added, 1)
  })

  test('sources do not meet', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a'))
    await app.events.syncSource('code', [definition('a')], { missing: 'delete' })

    const result = await app.events.syncSource('code', [], { missing: 'delete' })

    assert.lengthOf(result.removed, 1)
    assert.isNotNull(await eventOf(app, 'a'))
  })
})

test.group('Source sync | bad definitions', () => {
  test('one that is not valid is reported, the others are synced', async ({ assert }) => {
    const app = setup()

    const result = await sync(
      app,
      definition('a'),
      definition('bad', { priority: 99, overlap: 'no' as 'wait' }),
      definition('b')
    )

    assert.lengthOf(result.added, 2)
    assert.lengthOf(result.problems, 1)
    assert.equal(result.problems[0].key, 'bad')
    assert.match(result.problems[0].message, /priority \(99\).*overlap \(no\)/)
    assert.deepEqual(app.notices.of('source:synced')[0].problems, result.problems)
  })

  test('the event of a definition that became bad stays as it was', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a'), definition('b'))
    const before = await eventOf(app, 'a')

    const result = await sync(
      app,
      definition('a', { hash: 'a-2', trigger: { kind: 'cron' } as never }),
      definition('b')
    )

    assert.lengthOf(result.problems, 1)
    assert.isEmpty(result.removed)
    assert.equal(result.unchanged, 2)
    assert.deepEqual(await eventOf(app, 'a'), before)
  })

  test('so does the event of a definition that the source could not read', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a'), definition('b'))
    const problems = [{ key: 'a', message: 'unknown frequency code' }]

    const result = await app.events.syncSource(SOURCE, [definition('b')], {
      missing: 'delete',
      problems,
    })

    assert.isEmpty(result.removed)
    assert.deepEqual(result.problems, problems)
    assert.isNotNull(await eventOf(app, 'a'))
  })

  test('a key given twice, an empty key and a name given twice are reported', async ({
    assert,
  }) => {
    const app = setup()

    const result = await sync(
      app,
      definition('a'),
      definition('a', { hash: 'other' }),
      definition(''),
      definition('b', { name: 'a' })
    )

    assert.lengthOf(result.added, 1)
    assert.deepEqual(
      result.problems.map(({ key }) => key),
      ['a', '', 'b']
    )
    assert.match(result.problems[0].message, /given twice/)
    assert.match(result.problems[1].message, /key \(\): give a text of 1 to 255 characters/)
    assert.match(result.problems[2].message, /the name "a" belongs to the definition "a"/)
  })

  test('a problem that stays is journalled and logged once', async ({ assert }) => {
    const app = setup()
    const bad = definition('bad', { priority: 99 })
    await sync(app, bad)
    await sync(app, bad)
    assert.deepEqual(await app.kinds(), ['source.problem'])
    assert.lengthOf(app.logger.of('warn'), 1)

    await sync(app, definition('bad'))
    await sync(app, { ...bad, hash: 'bad-2' })

    const kinds = await app.kinds()
    assert.lengthOf(
      kinds.filter((kind) => kind === 'source.problem'),
      2
    )
  })

  test('a store that fails is no problem of a definition', async ({ assert }) => {
    const app = setup()
    await sync(app, definition('a'))
    await app.clock.advance(HOUR)
    app.storage.fail('executions.list')

    await assert.rejects(() => sync(app, definition('a', { hash: 'a-2' })), /failed on demand/)
  })
})
