import { test } from '@japa/runner'
import AlmanacEvents from '../../commands/almanac_events.ts'
import AlmanacHistory from '../../commands/almanac_history.ts'
import AlmanacNext from '../../commands/almanac_next.ts'
import AlmanacStats from '../../commands/almanac_stats.ts'
import AlmanacStatus from '../../commands/almanac_status.ts'
import { setup } from './ace.ts'

test.group('almanac:events', () => {
  test('lists events for people and for programs', async ({ assert, fs }) => {
    const { run, createEvent } = await setup(fs)
    const event = await createEvent('daily digest')
    await createEvent('other')
    const table = await run(AlmanacEvents)
    assert.equal(table.exitCode, 0)
    for (const part of ['daily digest', 'api', 'active', event.id, 'Next (UTC)']) {
      assert.include(table.text, part)
    }
    const listed = await run(AlmanacEvents, ['--json', '--text=digest'])
    assert.deepEqual(listed.json(), { events: [event], next: null })
    const none = await run(AlmanacEvents, ['--json', '--status=paused', '--limit=5'])
    assert.deepEqual(none.json(), { events: [], next: null })
    assert.equal(none.exitCode, 0)
  })

  test('goes on behind the cursor of the page before', async ({ assert, fs }) => {
    const { run, createEvent } = await setup(fs)
    const events = [await createEvent('a'), await createEvent('b'), await createEvent('c')]
    const first = await run(AlmanacEvents, ['--limit=2'])
    const [, cursor] = /--cursor=(\S+)/.exec(first.text)!
    const rest = await run(AlmanacEvents, ['--json', '--limit=2', `--cursor=${cursor}`])
    assert.deepEqual(rest.json(), { events: events.slice(2), next: null })
  })

  test('a flag that cannot be read is refused', async ({ assert, fs }) => {
    const { run } = await setup(fs)
    const refused = await run(AlmanacEvents, ['--status=sleeping'])
    assert.equal(refused.exitCode, 1)
    assert.include(refused.text, '--status: "sleeping" is not valid; give one of active, paused')
    const json = await run(AlmanacEvents, ['--json', '--limit=0'])
    assert.equal(json.exitCode, 1)
    assert.containSubset(json.json(), {
      error: {
        code: 'E_INVALID_FLAG',
        message: '--limit: "0" is not valid; give a whole number of at least 1',
      },
    })
  })

  test('without tables it says what to run, as text and as JSON', async ({ assert, fs }) => {
    const { run } = await setup(fs, { migrate: false })
    const text = await run(AlmanacEvents)
    assert.equal(text.exitCode, 1)
    assert.include(text.text, 'schema version 0')
    assert.include(text.text, 'node ace migration:run')
    const json = await run(AlmanacEvents, ['--json'])
    assert.containSubset(json.json(), { error: { code: 'E_SCHEMA_OUTDATED' } })
  })
})

test.group('almanac:next', () => {
  test('leaves out what was skipped, what maxRuns ends and what plain SQL broke', async ({
    assert,
    fs,
  }) => {
    const { run, almanac, app } = await setup(fs)
    const trigger = { kind: 'interval', every: '1h' } as const
    const create = (name: string, more = {}) =>
      almanac.events.create({ name, handler: 'echo', payload: 1, trigger, ...more })
    const { id } = await create('skipped', { maxRuns: 2 })
    const broken = await create('broken')
    const { nextRunAt } = await almanac.events.skipNext(id)
    const sql = "update almanac_events set trigger_def = '{' where id = ?"
    const db = await app.container.make('lucid.db')
    await db.rawQuery(sql, [broken.id])
    const next = await run(AlmanacNext, ['--json'])
    assert.equal(next.exitCode, 0)
    assert.deepEqual(
      (next.json() as { at: number; name: string }[]).map(({ at, name }) => [at, name]),
      [
        [nextRunAt, 'skipped'],
        [nextRunAt! + 3_600_000, 'skipped'],
      ]
    )
    const told = await run(AlmanacNext)
    assert.include(told.text, 'trigger')
  })

  test('shows the slots of all active events in order', async ({ assert, fs }) => {
    const { run, almanac } = await setup(fs)
    for (const [name, hour] of [
      ['late', '9'],
      ['early', '6'],
    ]) {
      await almanac.events.create({
        name,
        handler: 'echo',
        payload: 1,
        trigger: { kind: 'cron', expression: `0 ${hour} * * *`, timezone: 'Europe/Berlin' },
      })
    }
    const from = '--from=2030-01-07T00:00:00Z'
    const next = await run(AlmanacNext, ['--json', '--count=3', from])
    assert.equal(next.exitCode, 0)
    assert.deepEqual(
      (next.json() as { at: number; name: string }[]).map(({ at, name }) => [
        new Date(at).toISOString(),
        name,
      ]),
      [
        ['2030-01-07T05:00:00.000Z', 'early'],
        ['2030-01-07T08:00:00.000Z', 'late'],
        ['2030-01-08T05:00:00.000Z', 'early'],
      ]
    )
    const table = await run(AlmanacNext, ['late', '--count=1', from])
    assert.include(table.text, '2030-01-07T08:00:00Z')
    assert.include(table.text, '2030-01-07 09:00:00 Europe/Berlin')
    assert.notInclude(table.text, 'early')
  })

  test('an unknown event, an ambiguous name and a bad instant exit with 1', async ({
    assert,
    fs,
  }) => {
    const { run, almanac, createEvent } = await setup(fs)
    await createEvent('twice')
    const definition = {
      name: 'twice',
      handler: 'echo',
      trigger: { kind: 'interval', every: '1h' } as const,
      key: 'k',
      hash: 'h',
    }
    await almanac.syncSource('other', [definition], { missing: 'delete' })
    const unknown = await run(AlmanacNext, ['nobody'])
    assert.equal(unknown.exitCode, 1)
    assert.include(unknown.text, 'There is no event "nobody"')
    const ambiguous = await run(AlmanacNext, ['twice', '--json'])
    assert.containSubset(ambiguous.json(), { error: { code: 'E_AMBIGUOUS_EVENT' } })
    const [byId] = await almanac.events.list({ source: 'other' })
    const known = await run(AlmanacNext, [byId.id])
    assert.equal(known.exitCode, 0)
    const instant = await run(AlmanacNext, ['--from=tomorrow'])
    assert.equal(instant.exitCode, 1)
    assert.include(instant.text, '"tomorrow" is not an instant')
  })
})

test.group('almanac:history', () => {
  test('lists and filters executions', async ({ assert, fs }) => {
    const { run, almanac, createEvent } = await setup(fs)
    const event = await createEvent('a')
    const triggered = await almanac.trigger(event.id)
    await almanac.enqueue('fail', 1, { retries: 0, concurrencyKey: 'legacy:dw:DIM_STORE' })
    await almanac.once()
    const all = await run(AlmanacHistory)
    assert.equal(all.exitCode, 0)
    assert.include(all.text, 'succeeded')
    assert.include(all.text, 'it broke')
    assert.include(all.text, 'legacy:dw:DIM_STORE')
    const failed = await run(AlmanacHistory, ['--json', '--state=failed,missed', '--limit=5'])
    assert.containSubset(failed.json(), [{ handler: 'fail', state: 'failed' }])
    const ofEvent = await run(AlmanacHistory, ['--json', '--event=a'])
    assert.deepEqual(
      (ofEvent.json() as { id: string }[]).map(({ id }) => id),
      [triggered.id]
    )
    const none = await run(AlmanacHistory, ['--json', '--to=2001-01-01T00:00:00Z', '--queue=x'])
    assert.deepEqual(none.json(), [])
  })

  test('a state, an instant or an event that is none exits with 1', async ({ assert, fs }) => {
    const { run } = await setup(fs)
    for (const flag of ['--state=gone', '--from=soon', '--event=nobody', '--limit=-1']) {
      const refused = await run(AlmanacHistory, [flag])
      assert.equal(refused.exitCode, 1, flag)
    }
  })
})

test.group('almanac:status', () => {
  test('shows who leads and works, and needs no attention', async ({ assert, fs }) => {
    const { run, almanac, createEvent } = await setup(fs)
    await createEvent('a')
    await almanac.start()
    const text = await run(AlmanacStatus)
    assert.equal(text.exitCode, 0)
    assert.include(text.text, `${almanac.nodeId} (term 1)`)
    assert.include(text.text, '1 active')
    const json = await run(AlmanacStatus, ['--json'])
    assert.containSubset(json.json(), {
      state: 'running',
      leader: { node: almanac.nodeId },
      attention: [],
    })
    await almanac.stop()
  })

  test('tells what is paused; while everything is, nothing has to fire', async ({ assert, fs }) => {
    const { app, run, almanac, createEvent } = await setup(fs)
    await createEvent('a')
    const db = await app.container.make('lucid.db')
    await db.from('almanac_events').update({ next_run_at: Date.UTC(2020, 0) })
    await almanac.pause({ queue: 'loads' })
    const one = await run(AlmanacStatus)
    assert.equal(one.exitCode, 2)
    assert.match(one.text, /Paused {6}queue loads since .* by system: no reason/)
    await almanac.pause({ all: true, reason: 'month end', by: 'anna' })
    const all = await run(AlmanacStatus)
    assert.equal(all.exitCode, 0)
    assert.match(all.text, /Paused {6}everything since .* by anna: month end/)
    const json = await run(AlmanacStatus, ['--json'])
    const paused = [
      { scope: 'all', pausedBy: 'anna' },
      { scope: 'queue', name: 'loads' },
    ]
    assert.containSubset(json.json(), { attention: [], paused })
  })

  test('exits with 2 and tells what needs attention', async ({ assert, fs }) => {
    const { app, run, almanac, createEvent } = await setup(fs)
    await createEvent('a')
    almanac.register('gone', () => 1)
    await almanac.enqueue('gone', 1)
    const db = await app.container.make('lucid.db')
    await db.from('almanac_executions').update({ handler: 'nobody' })
    await db.from('almanac_events').update({ next_run_at: Date.UTC(2020, 0) })
    const status = await run(AlmanacStatus)
    assert.equal(status.exitCode, 2)
    assert.include(status.text, 'Leader      none')
    assert.include(status.text, '1 queued for "nobody", which no handler here is named')
    assert.include(status.text, 'Nothing fires: an event is due since 2020-01-01T00:00:00Z')
    assert.include(status.text, 'No node works, and 1 executions are queued')
  })
})

test.group('Commands | bugs', () => {
  test('what is no refusal is told with its stack, and exits with 1', async ({ assert, fs }) => {
    const { app, run, almanac } = await setup(fs)
    const told: unknown[] = []
    const ace = await app.container.make('ace')
    ace.errorHandler = { render: async (error: unknown) => void told.push(error) } as never
    almanac.status = () => Promise.reject(new TypeError('a bug'))
    const status = await run(AlmanacStatus)
    assert.equal(status.exitCode, 1)
    assert.instanceOf(told[0], TypeError)
  })
})

test.group('almanac:stats', () => {
  test('shows outcomes and times, for people and for programs', async ({ assert, fs }) => {
    const { run, almanac } = await setup(fs)
    await almanac.enqueue('echo', 1, { subject: 'order 1' })
    await almanac.enqueue('fail', 1, { retries: 0 })
    await almanac.runOnce()
    const text = await run(AlmanacStats)
    assert.equal(text.exitCode, 0)
    for (const part of ['2 ended (', '1 failed', '50.0 % succeeded', 'p95', 'Lateness']) {
      assert.include(text.text, part)
    }
    const one = await run(AlmanacStats, ['--json', '--subject=order 1', '--outcome=succeeded'])
    assert.containSubset(one.json(), { total: 1, outcomes: { succeeded: 1 }, successRate: 1 })
    const none = await run(AlmanacStats, ['--node=elsewhere'])
    assert.include(none.text, ': 0 ended')
  })

  test('flags that cannot be read are refused', async ({ assert, fs }) => {
    const { run } = await setup(fs)
    const outcome = await run(AlmanacStats, ['--outcome=queued'])
    assert.equal(outcome.exitCode, 1)
    assert.include(outcome.text, '--outcome: "queued" is not valid; give one of succeeded, failed')
    const from = await run(AlmanacStats, ['--from=soon'])
    assert.equal(from.exitCode, 1)
    assert.include(from.text, '"soon" is not an instant')
  })
})
