import { test } from '@japa/runner'
import AlmanacBackfill from '../../commands/almanac_backfill.ts'
import AlmanacCancel from '../../commands/almanac_cancel.ts'
import AlmanacExport from '../../commands/almanac_export.ts'
import AlmanacForecast from '../../commands/almanac_forecast.ts'
import AlmanacImport from '../../commands/almanac_import.ts'
import AlmanacMonitor from '../../commands/almanac_monitor.ts'
import AlmanacPause from '../../commands/almanac_pause.ts'
import AlmanacResume from '../../commands/almanac_resume.ts'
import AlmanacSkip from '../../commands/almanac_skip.ts'
import { setup } from './ace.ts'

const HOUR = 3_600_000

test.group('almanac:export and almanac:import', () => {
  test('write a file and read it again', async ({ assert, fs }) => {
    const { run, almanac, createEvent } = await setup(fs)
    const event = await createEvent('a')
    await createEvent('b')
    const written = await run(AlmanacExport, ['--file=events.jsonl', '--json'])
    assert.equal(written.exitCode, 0)
    assert.deepEqual(written.json(), { file: 'events.jsonl', events: 2 })
    const contents = await fs.contents('events.jsonl')
    assert.lengthOf(contents.trimEnd().split('\n'), 3)
    await assert.fileNotExists('events.jsonl.part')

    const same = await run(AlmanacImport, ['--file=events.jsonl'])
    assert.equal(same.exitCode, 0)
    assert.include(same.text, '0 added, 0 replaced, 0 skipped, 2 unchanged')
    await almanac.events.delete(event.id)
    const dry = await run(AlmanacImport, ['--file=events.jsonl', '--dry-run', '--json'])
    assert.containSubset(dry.json(), { dryRun: true, added: 1, unchanged: 1 })
    const added = await run(AlmanacImport, [
      '--file=events.jsonl',
      '--backfill-from=2020-01-01T00:00:00Z',
    ])
    assert.equal(added.exitCode, 2)
    assert.include(added.text, 'has more than 10000 slots in this window')
    assert.containSubset(await almanac.events.get(event.id), { name: 'a', payload: { name: 'a' } })
  })

  test('without a file the lines go to stdout', async ({ assert, fs }) => {
    const { run, createEvent } = await setup(fs)
    await createEvent('a')
    const { lines, exitCode } = await run(AlmanacExport, ['--source=api'])
    assert.equal(exitCode, 0)
    assert.containSubset(JSON.parse(lines[0]), { almanac: 'events', format: 1 })
    assert.containSubset(JSON.parse(lines[1]), { name: 'a', source: 'api' })
  })

  test('conflicts exit with 3, and name what to do', async ({ assert, fs }) => {
    const { run, almanac, createEvent } = await setup(fs)
    const event = await createEvent('a')
    await run(AlmanacExport, ['--file=events.jsonl'])
    await almanac.events.update(event.id, { priority: 2 })
    const refused = await run(AlmanacImport, ['--file=events.jsonl'])
    assert.equal(refused.exitCode, 3)
    assert.include(refused.text, `Line 2: "a" of api is there by its key (${event.id})`)
    assert.include(refused.text, '--on-conflict=replace')
    const replaced = await run(AlmanacImport, ['--file=events.jsonl', '--on-conflict=replace'])
    assert.equal(replaced.exitCode, 0)
    assert.containSubset(await almanac.events.get(event.id), { priority: null })
  })

  test('bad lines exit with 2, files and flags that are none with 1', async ({ assert, fs }) => {
    const { run, createEvent } = await setup(fs)
    await createEvent('a')
    await run(AlmanacExport, ['--file=events.jsonl'])
    const contents = await fs.contents('events.jsonl')
    await fs.create('events.jsonl', `${contents}{"name":"b"}\n`)
    const partly = await run(AlmanacImport, ['--file=events.jsonl'])
    assert.equal(partly.exitCode, 2)
    assert.include(partly.text, 'Line 3, handler (undefined): name the handler to run')
    const none = await run(AlmanacImport, ['--file=nowhere.jsonl'])
    assert.equal(none.exitCode, 1)
    assert.include(none.text, '--file: "nowhere.jsonl" is not valid; ENOENT')
    const folder = await run(AlmanacExport, ['--file=no/such/folder.jsonl'])
    assert.equal(folder.exitCode, 1)
    const flag = await run(AlmanacImport, ['--file=events.jsonl', '--on-conflict=ask'])
    assert.equal(flag.exitCode, 1)
    await fs.create('other.jsonl', '{"some":"thing"}\n')
    const other = await run(AlmanacImport, ['--file=other.jsonl', '--json'])
    assert.containSubset(other.json(), { error: { code: 'E_IMPORT_FORMAT' } })
  })
})

test.group('almanac:forecast', () => {
  test('shows the hours, the runs, and what does not fit', async ({ assert, fs }) => {
    const { run, almanac, createEvent } = await setup(fs)
    await createEvent('a')
    const window = ['--from=2030-01-07T06:00:00Z', '--to=2030-01-07T08:00:00Z']
    const text = await run(AlmanacForecast, [...window, '--timezone=Europe/Berlin', '--runs'])
    assert.equal(text.exitCode, 0)
    for (const part of ['Hour (Europe/Berlin)', '2030-01-07 07:00', '60', '2030-01-07T06:59:00Z']) {
      assert.include(text.text, part)
    }
    const json = await run(AlmanacForecast, [...window, '--json', '--event=a', '--limit=10'])
    assert.containSubset(json.json(), { truncated: true, runs: [{ name: 'a' }] })
    const begun = Promise.withResolvers<void>()
    const over = Promise.withResolvers<void>()
    almanac.register('slow', () => {
      begun.resolve()
      return over.promise
    })
    const trigger = { kind: 'interval', every: '1h' } as const
    for (const name of ['one', 'two']) {
      await almanac.events.create({ name, handler: 'slow', payload: 1, trigger })
    }
    await almanac.enqueue('slow', 1)
    const round = almanac.once()
    await begun.promise
    // The run of a command is how long it takes
    const cut = await run(AlmanacForecast, [...window, '--limit=10'])
    assert.include(cut.text, 'There is more than this shows')
    over.resolve()
    await round
    const wide = await run(AlmanacForecast, [...window, '--concurrency=1'])
    assert.equal(wide.exitCode, 2)
    assert.match(wide.text, /\d at once from .* and 1 fit: the others wait/)
  })

  test('what cannot be read exits with 1', async ({ assert, fs }) => {
    const { run } = await setup(fs)
    for (const flag of [
      '--event=nobody',
      '--from=soon',
      '--timezone=Mars',
      '--for=ever',
      '--limit=0',
    ]) {
      const refused = await run(AlmanacForecast, [flag])
      assert.equal(refused.exitCode, 1, flag)
    }
  })
})

test.group('almanac:backfill', () => {
  test('tells what it would do, and does it', async ({ assert, fs }) => {
    const { run, almanac } = await setup(fs)
    const trigger = { kind: 'interval', every: '1h' } as const
    const event = await almanac.events.create({ name: 'a', handler: 'echo', payload: 1, trigger })
    const from = new Date(event.nextRunAt! - 3 * HOUR).toISOString()
    const to = new Date(event.nextRunAt! + 3 * HOUR).toISOString()
    const dry = await run(AlmanacBackfill, ['a', `--from=${from}`, '--dry-run'])
    assert.equal(dry.exitCode, 0)
    assert.include(dry.text, 'Would queue 3: 0 missed, 3 never were, 0 run again')
    assert.deepEqual(await almanac.history(), [])
    const done = await run(AlmanacBackfill, [event.id, `--from=${from}`, `--to=${to}`, '--json'])
    assert.containSubset(done.json(), { queued: 3, created: 3, dryRun: false })
    await almanac.once()
    const again = await run(AlmanacBackfill, ['a', `--from=${from}`, '--rerun=failed'])
    assert.include(again.text, 'Queued 0')
    assert.include(again.text, 'Left as they are: 3 succeeded')
    const all = await run(AlmanacBackfill, ['a', `--from=${from}`, '--rerun=all', '--order=newest'])
    assert.include(all.text, '3 run again')
  })

  test('what cannot be done exits with 1', async ({ assert, fs }) => {
    const { run, createEvent } = await setup(fs)
    await createEvent('a')
    const from = '--from=2030-01-01T00:00:00Z'
    for (const argv of [
      ['nobody', from],
      ['a', from, '--rerun=some'],
      ['a', from, '--order=any'],
      ['a', from, '--concurrency=0'],
      ['a', '--from=soon'],
    ]) {
      const refused = await run(AlmanacBackfill, argv)
      assert.equal(refused.exitCode, 1, argv.join(' '))
    }
  })
})

test.group('almanac:monitor', () => {
  test('looks again and again', async ({ assert, fs }) => {
    const { run, almanac, createEvent } = await setup(fs)
    await createEvent('a')
    await almanac.enqueue('echo', 1)
    const text = await run(AlmanacMonitor, ['--count=2', '--interval=5ms'])
    assert.equal(text.exitCode, 0)
    assert.lengthOf(text.lines, 2)
    assert.include(text.lines[1], 'leader none, 0 nodes, 1 active events, 0 due, 1 queued')
    const json = await run(AlmanacMonitor, ['--count=1', '--json'])
    assert.containSubset(json.json(), { queued: 1, error: null })
  })

  test('a look that fails is shown, and exits with 1 when it is the last', async ({
    assert,
    fs,
  }) => {
    const { app, run } = await setup(fs)
    const db = await app.container.make('lucid.db')
    await db.rawQuery('alter table almanac_leases rename to gone')
    const failed = await run(AlmanacMonitor, ['--count=2', '--interval=5ms'])
    assert.equal(failed.exitCode, 1)
    assert.lengthOf(failed.lines, 2)
    assert.include(failed.text, 'almanac_leases')
    const flag = await run(AlmanacMonitor, ['--interval=often'])
    assert.equal(flag.exitCode, 1)
  })
})

test.group('almanac:pause, almanac:resume, almanac:skip, almanac:cancel', () => {
  test('change an event by its name or id', async ({ assert, fs }) => {
    const { run, almanac, createEvent } = await setup(fs)
    const event = await createEvent('a')
    const paused = await run(AlmanacPause, ['a'])
    assert.equal(paused.exitCode, 0)
    assert.include(paused.text, 'Paused "a" (api)')
    assert.containSubset(await almanac.events.get(event.id), { status: 'paused', statusBy: 'user' })
    const resumed = await run(AlmanacResume, [event.id])
    assert.match(resumed.text, /Resumed "a" \(api\), next slot \d{4}-/)
    const skipped = await run(AlmanacSkip, ['a', '--json'])
    const { nextRunAt } = skipped.json() as { nextRunAt: number }
    assert.isAbove(nextRunAt, event.nextRunAt!)
    const again = await run(AlmanacSkip, ['a'])
    assert.include(again.text, 'Skipped the next slot of "a" (api)')
    const cancelled = await run(AlmanacCancel, ['a', '--json'])
    assert.containSubset(cancelled.json(), { id: event.id, status: 'cancelled' })
  })

  test('what its state does not allow exits with 1', async ({ assert, fs }) => {
    const { run, createEvent } = await setup(fs)
    await createEvent('a')
    await run(AlmanacCancel, ['a'])
    const refused = await run(AlmanacResume, ['a', '--json'])
    assert.equal(refused.exitCode, 1)
    assert.containSubset(refused.json(), { error: { code: 'E_EVENT_TRANSITION' } })
    const unknown = await run(AlmanacPause, ['nobody'])
    assert.equal(unknown.exitCode, 1)
  })
})
