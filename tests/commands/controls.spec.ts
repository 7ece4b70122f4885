import { test } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import AlmanacDead from '../../commands/almanac_dead.ts'
import AlmanacLimits from '../../commands/almanac_limits.ts'
import AlmanacPause from '../../commands/almanac_pause.ts'
import AlmanacResume from '../../commands/almanac_resume.ts'
import AlmanacRetry from '../../commands/almanac_retry.ts'
import AlmanacCancel from '../../commands/almanac_cancel.ts'
import AlmanacMonitor from '../../commands/almanac_monitor.ts'
import AlmanacSkip from '../../commands/almanac_skip.ts'
import { actor } from '../../commands/_base.ts'
import { setup } from './ace.ts'

/** An app for commands, with the rows of its journal that are not of events. */
async function withJournal(fs: FileSystem) {
  const made = await setup(fs)
  const journal = async () => {
    const db = await made.app.container.make('lucid.db')
    const rows = await db.from('almanac_journal').orderBy('id').where('kind', 'not like', 'event.%')
    return rows.map(({ kind, actor: by, subject, after_json: after }) => {
      return { kind, by, subject, after: JSON.parse(after) }
    })
  }
  return { ...made, journal }
}

const TARGETS: [flag: string, target: object, words: string, subject: string][] = [
  ['--all', { all: true }, 'everything', 'all:*'],
  ['--queue=loads', { queue: 'loads' }, 'queue "loads"', 'queue:loads'],
  ['--handler=echo', { handler: 'echo' }, 'handler "echo"', 'handler:echo'],
  ['--node=etl-1', { node: 'etl-1' }, 'node "etl-1"', 'node:etl-1'],
]

test.group('almanac:pause and almanac:resume of controls', () => {
  for (const [flag, target, words, subject] of TARGETS) {
    test(`${flag}: once, with who and why in the journal`, async ({ assert, fs }) => {
      const { run, almanac, journal } = await withJournal(fs)
      const paused = await run(AlmanacPause, [flag, '--reason=the disk is full', '--json'])
      assert.equal(paused.exitCode, 0)
      assert.deepEqual(paused.json(), { ...target, changed: true })
      const again = await run(AlmanacPause, [flag])
      assert.equal(again.exitCode, 0)
      assert.include(again.text, `Paused ${words}: it was so already`)
      assert.containSubset(await almanac.controls(), [
        { pausedBy: actor(), reason: 'the disk is full' },
      ])
      const resumed = await run(AlmanacResume, [flag, '--json'])
      assert.deepEqual(resumed.json(), { ...target, changed: true })
      const none = await run(AlmanacResume, [flag])
      assert.equal(none.exitCode, 0)
      assert.include(none.text, `Resumed ${words}: it was so already`)
      assert.isEmpty(await almanac.controls())
      assert.containSubset(await journal(), [
        { kind: 'control.paused', by: actor(), subject, after: { reason: 'the disk is full' } },
        { kind: 'control.resumed', by: actor(), subject, after: { reason: null } },
      ])
    })
  }

  test('nothing, or two things at once, exit with 1 and say what to name', async ({
    assert,
    fs,
  }) => {
    const { run, almanac } = await setup(fs)
    for (const Command of [AlmanacPause, AlmanacResume]) {
      const nothing = await run(Command)
      assert.equal(nothing.exitCode, 1)
      assert.include(nothing.text, 'name one thing: an event, --queue, --handler, --node or --all')
      const both = await run(Command, ['--queue=a', '--node=b', '--json'])
      assert.equal(both.exitCode, 1)
      assert.containSubset(both.json(), { error: { code: 'E_INVALID_FLAG' } })
    }
    const long = await run(AlmanacPause, [`--queue=${'q'.repeat(256)}`])
    assert.equal(long.exitCode, 1)
    assert.match(long.text, /queue.*give a text of 1 to 255 characters/)
    assert.isEmpty(await almanac.controls())
  })
})

test.group('almanac:limits', () => {
  test('sets every bound of a handler, shows it, and takes it back', async ({ assert, fs }) => {
    const { run, journal } = await withJournal(fs)
    const none = await run(AlmanacLimits)
    assert.equal(none.exitCode, 0)
    assert.include(none.text, 'Nothing is paused or limited')
    const bounds = ['--cluster=4', '--per-node=2', '--per-key=3', '--rate=50/1m']
    const set = await run(AlmanacLimits, ['--handler=echo', ...bounds, '--reason=month end'])
    assert.equal(set.exitCode, 0)
    for (const part of ['handler echo', '4 in the cluster, 2 a node, 3 of a key, 50 in 60.0 s']) {
      assert.include(set.text, part)
    }
    const limits = { cluster: 4, node: 2, key: 3, rate: { limit: 50, per: 60_000 } }
    const shown = await run(AlmanacLimits, ['--json'])
    assert.containSubset(shown.json(), [{ scope: 'handler', name: 'echo', limits }])
    const reset = await run(AlmanacLimits, ['--handler=echo', '--reset', '--json'])
    assert.equal(reset.exitCode, 0)
    assert.deepEqual(reset.json(), [])
    assert.containSubset(await journal(), [
      {
        ...{ kind: 'control.limited', by: actor(), subject: 'handler:echo' },
        after: { limits, reason: 'month end' },
      },
    ])
  })

  test('what cannot be meant exits with 1 and names flag, value and remedy', async ({
    assert,
    fs,
  }) => {
    const { run, almanac } = await setup(fs)
    const refusals: [argv: string[], message: RegExp][] = [
      [['--cluster=2'], /--handler: "nothing" is not valid; name the handler/],
      [['--handler=a', '--cluster=0'], /--cluster: "0" is not valid; give a whole number/],
      [['--handler=a', '--per-node=1.5'], /--per-node: "1.5" is not valid; give a whole number/],
      [['--handler=a', '--per-key=-1'], /--per-key: "-1" is not valid; give a whole number/],
      [['--handler=a', '--per-key=1001'], /concurrency\.key.*1001.*from 1 to 1000/],
      [['--handler=a', '--rate=often'], /--rate: "often" is not valid; give a number and a span/],
      [['--handler=a', '--rate=5/1ms'], /rate\.per.*give a span from 1s to 31d/],
      [['--handler=a'], /no limit is given; give concurrency, rate or both, or reset/],
      [['--handler=a', '--reset', '--cluster=2'], /a limit and reset are given at once/],
    ]
    for (const [argv, message] of refusals) {
      const refused = await run(AlmanacLimits, argv)
      assert.equal(refused.exitCode, 1, argv.join(' '))
      assert.match(refused.text, message)
    }
    assert.isEmpty(await almanac.controls())
  })
})

test.group('almanac:dead and almanac:retry: filters and journal', () => {
  test('every filter narrows, and a redrive says who and why', async ({ assert, fs }) => {
    const { run, almanac, createEvent, journal } = await withJournal(fs)
    const event = await createEvent('a', 'fail')
    await almanac.events.update(event.id, { retries: 0 })
    const triggered = await almanac.events.trigger(event.id)
    const options = { retries: 0, subject: 'order 7' }
    const { id } = await almanac.enqueue('fail', 1, options)
    await almanac.runOnce()
    const listed = async (...argv: string[]) => {
      const { exitCode, json } = await run(AlmanacDead, ['--json', ...argv])
      assert.equal(exitCode, 0)
      return (json() as { id: string }[]).map((letter) => letter.id)
    }
    assert.deepEqual(await listed('--event=a'), [triggered.id])
    assert.deepEqual(await listed('--subject=order 7'), [id])
    assert.lengthOf(await listed('--handler=fail'), 2)
    assert.lengthOf(await listed('--limit=1'), 1)
    assert.isEmpty(await listed('--handler=echo'))
    assert.isEmpty(await listed('--to=2020-01-01T00:00:00Z'))
    assert.lengthOf(await listed('--from=2020-01-01T00:00:00Z'), 2)

    const one = await run(AlmanacRetry, ['--event=a', '--reason=the host is back', '--json'])
    assert.equal(one.exitCode, 0)
    assert.containSubset(one.json(), [{ from: triggered.id, inserted: true }])
    const other = await run(AlmanacRetry, ['--subject=order 7', '--handler=fail', '--limit=5'])
    assert.include(other.text, `${id} runs again as`)
    const twice = await run(AlmanacRetry, [id])
    assert.equal(twice.exitCode, 0)
    assert.include(twice.text, `${id} is open as`)
    const rows = await journal()
    const redriven = rows.filter(({ kind }) => kind === 'execution.redriven')
    // The second redrive of one letter did nothing, and so has no row
    assert.deepEqual(
      redriven.map(({ by, subject, after }) => [by, subject, after.reason]),
      [
        [actor(), triggered.id, 'the host is back'],
        [actor(), id, null],
      ]
    )
    assert.equal(redriven[0].after.execution, (one.json() as { id: string }[])[0].id)
  })

  test('what cannot be read exits with 1', async ({ assert, fs }) => {
    const { run, almanac } = await setup(fs)
    const { id } = await almanac.enqueue('echo', 1)
    await almanac.runOnce()
    for (const argv of [['--event=nobody'], ['--from=soon'], ['--to=never'], ['--limit=1.5']]) {
      const refused = await run(AlmanacDead, argv)
      assert.equal(refused.exitCode, 1, argv.join(' '))
    }
    const refusals: [string[], string][] = [
      [['--event=nobody'], 'E_EVENT_NOT_FOUND'],
      [[id], 'E_EXECUTION_NOT_DEAD'],
      [['--all', '--limit=0'], 'E_INVALID_FLAG'],
      [['--all', '--reason= '], 'E_INVALID_INPUT'],
    ]
    for (const [argv, code] of refusals) {
      const refused = await run(AlmanacRetry, [...argv, '--json'])
      assert.equal(refused.exitCode, 1, argv.join(' '))
      assert.containSubset(refused.json(), { error: { code } })
    }
  })
})

test.group('almanac:skip, almanac:cancel and almanac:monitor: flags', () => {
  test('an event that is not there, or whose state forbids it, exits with 1', async ({
    assert,
    fs,
  }) => {
    const { run, createEvent } = await setup(fs)
    await createEvent('a')
    const cancelled = await run(AlmanacCancel, ['a'])
    assert.equal(cancelled.exitCode, 0)
    assert.include(cancelled.text, 'Cancelled "a" (api)')
    const again = await run(AlmanacCancel, ['a', '--json'])
    assert.equal(again.exitCode, 0)
    const skipped = await run(AlmanacSkip, ['a', '--json'])
    assert.equal(skipped.exitCode, 1)
    for (const Command of [AlmanacSkip, AlmanacCancel]) {
      const unknown = await run(Command, ['nobody', '--json'])
      assert.equal(unknown.exitCode, 1)
      assert.containSubset(unknown.json(), { error: { code: 'E_EVENT_NOT_FOUND' } })
    }
  })

  test('an execution is cancelled by its id, with who and why', async ({ assert, fs }) => {
    const { run, almanac, journal } = await withJournal(fs)
    const { id } = await almanac.enqueue('echo', 1)
    const argv = [`--execution=${id}`, '--reason=not wanted', '--json']
    const cancelled = await run(AlmanacCancel, argv)
    assert.deepEqual(cancelled.json(), { id, cancel: 'cancelled' })
    assert.include(await almanac.executions.get(id), { state: 'cancelled', reason: 'not wanted' })
    const entry = { kind: 'execution.cancelled', by: actor(), subject: id }
    assert.containSubset(await journal(), [entry])
    const again = await run(AlmanacCancel, [`--execution=${id}`])
    assert.equal(again.exitCode, 0)
    assert.include(again.text, `${id} had ended before`)
    const refusals: [string[], string][] = [
      [['--execution=nobody'], 'E_EXECUTION_NOT_FOUND'],
      [[], 'E_INVALID_FLAG'],
      [['a', `--execution=${id}`], 'E_INVALID_FLAG'],
      [['a', '--reason=x'], 'E_INVALID_FLAG'],
    ]
    for (const [flags, code] of refusals) {
      const refused = await run(AlmanacCancel, [...flags, '--json'])
      assert.equal(refused.exitCode, 1, flags.join(' '))
      assert.containSubset(refused.json(), { error: { code } })
    }
  })

  test('a monitor with flags that cannot be read does not begin', async ({ assert, fs }) => {
    const { run } = await setup(fs)
    for (const argv of [['--count=0'], ['--count=1.5'], ['--interval=often'], ['--interval=0']]) {
      const { exitCode, text } = await run(AlmanacMonitor, argv)
      assert.equal(exitCode, 1, argv.join(' '))
      assert.match(text, /count|interval/)
    }
  })
})
