import { test } from '@japa/runner'
import { setup } from './setup.ts'

test.group('Workflows without stored events', () => {
  test('steps run after those they name, with their results', async ({ assert }) => {
    const { almanac, seen, names } = await setup()
    const queued = await almanac
      .workflow()
      .add(
        'report',
        'work',
        { name: 'report' },
        { after: [{ step: 'load', on: 'any' }, 'extract'] }
      )
      .add('extract', 'work', { name: 'extract' })
      .add('load', 'work', { name: 'load' }, { after: 'extract', priority: 1 })
      .enqueue()
    assert.deepEqual(Object.keys(queued.steps), ['extract', 'load', 'report'])
    await almanac.runOnce()
    assert.deepEqual(names(), ['extract', 'load', 'report'])
    assert.equal(seen[2].parents.load.result, 'result of load')
    const ended = await queued.wait()
    assert.containSubset(ended, {
      report: { state: 'succeeded', origin: 'workflow', workflowId: queued.id },
      load: { priority: 1 },
    })
  })

  test('a chain hands each result to the next, and stops where one fails', async ({ assert }) => {
    const { almanac, failing, names, seen } = await setup()
    const link = (name: string) => ({ handler: 'work', payload: { name } })
    await almanac.chain([link('1'), link('2'), link('3')])
    await almanac.runOnce()
    assert.deepEqual(names(), ['1', '2', '3'])
    assert.equal(seen[2].parents['work 2'].result, 'result of 2')
    failing.add('2')
    const { steps, wait } = await almanac.chain([link('1'), link('2'), link('3')])
    await almanac.runOnce()
    const ended = await wait()
    assert.deepEqual(Object.keys(steps), ['work', 'work 2', 'work 3'])
    assert.deepEqual(
      Object.values(ended).map((execution) => execution?.state),
      ['succeeded', 'failed', 'skipped']
    )
  })

  test('a redrive runs what was skipped because of the letter', async ({ assert }) => {
    const { almanac, failing, names } = await setup()
    failing.add('a').add('b')
    const run = await almanac
      .workflow()
      .add('a', 'work', { name: 'a' })
      .add('b', 'work', { name: 'b' })
      .add('c', 'work', { name: 'c' }, { after: ['a', 'b'] })
      .add('d', 'work', { name: 'd' }, { after: 'c' })
      .add('alert', 'work', { name: 'alert' }, { after: { step: 'a', on: 'failure' } })
      .enqueue()
    await almanac.runOnce()
    assert.deepEqual(names().toSorted(), ['a', 'alert', 'b'])
    failing.clear()
    const redriven = await almanac.redrive({ handler: 'work' })
    assert.lengthOf(redriven, 2)
    await almanac.runOnce()
    assert.deepEqual(names().slice(3).toSorted(), ['a', 'b', 'c', 'd'])
    const again = await almanac.history({ limit: 100 })
    const reruns = again.filter(
      ({ rerunOf, state }) => rerunOf === run.steps.d && state !== 'skipped'
    )
    assert.isEmpty(reruns.filter(({ workflowId }) => workflowId !== run.id))
    assert.isEmpty(again.filter(({ state }) => state === 'queued'))
  })

  test('a second redrive runs nothing twice that was skipped because of the letter', async ({
    assert,
  }) => {
    const { almanac, failing, names } = await setup()
    failing.add('a')
    const run = await almanac
      .workflow()
      .add('a', 'work', { name: 'a' })
      .add('b', 'work', { name: 'b' }, { after: 'a' })
      .enqueue()
    await almanac.runOnce()
    failing.clear()
    await almanac.redrive(run.steps.a)
    await almanac.redrive(run.steps.a)
    await almanac.runOnce()
    await assert.rejects(() => almanac.redrive(run.steps.a), /redriven already/)
    await almanac.runOnce()
    assert.deepEqual(names(), ['a', 'a', 'b'])
  })

  test('a cancel of a waiting step skips what follows; one that runs in any case is released', async ({
    assert,
  }) => {
    const { almanac, recorder, names } = await setup()
    const { steps, wait } = await almanac
      .workflow()
      .add('a', 'work', { name: 'a' })
      .add('b', 'work', { name: 'b' }, { after: 'a' })
      .add('c', 'work', { name: 'c' }, { after: 'b' })
      .add('z', 'work', { name: 'z' }, { after: { step: 'b', on: 'any' } })
      .enqueue()
    recorder.clear()
    assert.equal(await almanac.cancel(steps.b), 'cancelled')
    const told = (name: 'execution:queued' | 'execution:skipped') =>
      recorder.of(name).map(({ executionId }) => executionId)
    assert.deepEqual(told('execution:queued'), [steps.z])
    assert.deepEqual(told('execution:skipped'), [steps.c])
    await almanac.runOnce()
    const ended = await wait()
    assert.sameMembers(names(), ['a', 'z'])
    assert.include(ended.c, { state: 'skipped', reason: 'parent "b" ended as cancelled' })
  })

  test('steps that cannot be meant are refused, and nothing is queued', async ({ assert }) => {
    const { almanac } = await setup()
    const step =
      (options: object, name = 'b') =>
      () =>
        almanac.workflow().add('a', 'work', null).add(name, 'work', null, options).enqueue()
    const malformed: [() => Promise<unknown>, RegExp][] = [
      [() => almanac.workflow().enqueue(), /steps.*0.*1 to 1000/s],
      [step({}, 'a'), /steps\[1\]\.name.*a.*its own/s],
      [step({}, ' '), /steps\[1\]\.name.*1 to 255/s],
      [step({ after: 'x' }), /steps\[1\]\.after.*x.*the steps are a, b/s],
      [step({ after: ['a', { step: 'a', on: 'failure' }] }), /steps\[1\]\.after.*a.*step once/s],
      [step({ after: 7 }), /steps\[1\]\.after.*7.*name of a step/s],
      [step({ after: { step: 'a', on: 'never' } }), /on.*never.*"success"/s],
      [step({ after: { step: 'a', of: 1 } }), /of.*unknown.*step, on/s],
      [step({ dedupeKey: 'k' }), /dedupeKey.*leave it out/s],
      [step({ after: 'a', expiresIn: '1m' }), /expiresIn.*leave it out/s],
      [step({ after: 'a', availableAt: 0 }), /availableAt.*delay instead/s],
      [step({ after: 'a', client: {} }), /client.*enqueue\(\)/s],
      [step({ after: 'a', colour: 'red' }), /colour.*unknown/s],
      [step({ after: 'a', priority: 11 }), /priority.*11.*1 to 10/s],
      [step({ after: 'b' }), /wait for each other: b -> b/],
    ]
    for (const [given, message] of malformed) {
      await assert.rejects(given, message)
    }
    assert.isEmpty(await almanac.history())
  })

  test('options that are null are left out, as of each option', async ({ assert }) => {
    const { t, almanac } = await setup()
    const none = null as never
    const chained = [
      { handler: 'work', options: none },
      { handler: 'work', options: none },
    ]
    await almanac.workflow().add('a', 'work', null, none).enqueue()
    await almanac.chain(chained)
    await t.tick()
    assert.lengthOf(await almanac.history({ states: ['succeeded'] }), 3)
  })

  test('a fake records the steps', async ({ assert }) => {
    const { almanac } = await setup()
    using fake = almanac.fake()
    await almanac.chain([
      { handler: 'work', payload: 1 },
      { handler: 'work', payload: 2 },
    ])
    fake.assertEnqueuedCount('work', 2)
    assert.isEmpty(await almanac.history())
  })
})
