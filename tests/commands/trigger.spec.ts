import { test } from '@japa/runner'
import AlmanacTrigger from '../../commands/almanac_trigger.ts'
import { setup } from './ace.ts'

test.group('almanac:trigger', () => {
  test('queues a run, with a payload of its own', async ({ assert, fs }) => {
    const { run, almanac, createEvent } = await setup(fs)
    const event = await createEvent('a')
    const queued = await run(AlmanacTrigger, ['a', '--payload={"x":1}', '--json'])
    assert.equal(queued.exitCode, 0)
    assert.containSubset(queued.json(), {
      eventId: event.id,
      state: 'queued',
      origin: 'manual',
      payload: { x: 1 },
    })
    const text = await run(AlmanacTrigger, [event.id])
    assert.match(text.text, /Queued "a" as [0-9a-f-]{36}/)
    assert.lengthOf(await almanac.history({ eventId: event.id }), 2)
  })

  test('a run may have a meta and a subject of its own', async ({ assert, fs }) => {
    const { run, createEvent } = await setup(fs)
    await createEvent('a')
    const queued = await run(AlmanacTrigger, ['a', '--json', '--subject=order 7', '--meta={"n":1}'])
    assert.containSubset(queued.json(), { subject: 'order 7', meta: { n: 1 } })
    for (const meta of ['7', '{']) {
      const refused = await run(AlmanacTrigger, ['a', `--meta=${meta}`])
      assert.equal(refused.exitCode, 1)
      assert.match(refused.text, /meta/)
    }
  })

  test('--wait exits by the outcome')
    .with([
      ['echo', 0, 'succeeded'],
      ['fail', 2, 'failed: it broke'],
      ['slow', 3, 'timed out'],
      ['cancelled', 4, 'cancelled'],
    ] as [string, number, string][])
    .run(async ({ assert, fs }, [handler, exitCode, line]) => {
      const { run, almanac } = await setup(fs, { almanac: { retry: false } })
      const abortable = (signal: AbortSignal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true })
        })
      almanac.register('slow', ({ signal }) => abortable(signal), { timeout: '20ms' })
      almanac.register('cancelled', async ({ signal, execution }) => {
        await almanac.cancel(execution.id, { reason: 'not needed' })
        signal.throwIfAborted()
        await abortable(signal)
      })
      await almanac.events.create({
        name: 'a',
        handler,
        payload: 1,
        trigger: { kind: 'interval', every: '1h' },
      })
      await almanac.start()
      const waited = await run(AlmanacTrigger, ['a', '--wait'])
      assert.equal(waited.exitCode, exitCode)
      assert.include(waited.text, line)
      await almanac.stop()
    })

  test('--wait gives up after its --timeout with 7', async ({ assert, fs }) => {
    const { run, createEvent } = await setup(fs)
    await createEvent('a')
    const waited = await run(AlmanacTrigger, ['a', '--wait', '--timeout=10ms', '--json'])
    assert.equal(waited.exitCode, 7)
    assert.containSubset(waited.json(), { state: 'queued' })
  })

  test('what cannot be queued exits with 1', async ({ assert, fs }) => {
    const { run, createEvent } = await setup(fs)
    await createEvent('a')
    const unknown = await run(AlmanacTrigger, ['nobody'])
    assert.equal(unknown.exitCode, 1)
    assert.include(unknown.text, 'There is no event "nobody"')
    const payload = await run(AlmanacTrigger, ['a', '--payload={broken'])
    assert.equal(payload.exitCode, 1)
    assert.include(payload.text, '--payload: "{broken" is not valid; give JSON')
    const timeout = await run(AlmanacTrigger, ['a', '--wait', '--timeout=soon'])
    assert.equal(timeout.exitCode, 1)
    assert.include(timeout.text, '--timeout: "soon" is not a duration')
  })
})
