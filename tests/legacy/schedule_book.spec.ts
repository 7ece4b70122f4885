import { test } from '@japa/runner'
import { ScheduleSync } from '../../src/legacy/schedule_sync.ts'
import { lineOf, loopsOf } from '../../src/legacy/dependencies.ts'
import type { SourceProblem } from '../../src/types/events.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { legacySource, openSource } from './support.ts'
import type { LegacySourceInput } from '../../src/legacy/config.ts'

async function world(input: Partial<LegacySourceInput> = {}) {
  const opened = await openSource(input)
  const reported: SourceProblem[][] = []
  const sync = new ScheduleSync({
    ...opened,
    source: legacySource(input),
    target: {
      async syncSource(_source, definitions, { problems = [] }) {
        reported.push(problems)
        return { added: definitions, changed: [], removed: [], unchanged: 0, problems }
      },
    },
  })
  const next = () => {
    const text = opened.database.rows<Record<string, unknown>>(
      'select cast(NXT_RUN_DT as char(19)) as T from DWJOBSCH order by JOBSCHID'
    )
    return text
      .map((row) => Object.values(row)[0])
      .map((value) => value && String(value).slice(0, 19))
  }
  return { ...opened, sync, reported, next }
}

legacyGroup('The schedule book', () => {
  test('a sync keeps NXT_RUN_DT of current rows, and writes only what differs', async ({
    assert,
  }) => {
    const { database, sync, next } = await world({ timezone: 'Europe/Berlin' })
    const STRTDT = '2998-01-01 00:00:00'
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', STRTDT })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'OFF', STRTDT, SCHFLG: 'N' })
    database.insertSchedule({ JOBSCHID: 3, MAPREF: 'BAD', STRTDT, FRQCD: 'ZZ' })
    database.insertSchedule({ JOBSCHID: 4, MAPREF: 'OLD', STRTDT, CURFLG: 'N' })
    const stale = '2001-01-01 00:00:00'
    database.execute('update DWJOBSCH set NXT_RUN_DT = ? where JOBSCHID > 1', stale)
    await sync.run()
    assert.deepEqual(next(), ['2998-01-01 06:00:00', null, stale, stale])
    database.place.refuse('update', 'DWJOBSCH', '1 = 1', 'nothing to write')
    const { problems } = await sync.run()
    assert.lengthOf(problems, 1)
  })

  test('a child that only follows its parent has no next run', async ({ assert }) => {
    const { database, sync, next } = await world({ dependents: { ownSlots: false } })
    const STRTDT = '2998-01-01 00:00:00'
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', STRTDT })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'B', STRTDT, DPND_JOBSCHID: 1 })
    await sync.run()
    assert.deepEqual(next(), ['2998-01-01 06:00:00', null])
  })

  test('a NXT_RUN_DT that cannot be written holds no schedule up', async ({ assert }) => {
    const { database, sync, logger } = await world()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', STRTDT: '2998-01-01 00:00:00' })
    database.place.refuse('update', 'DWJOBSCH', '1 = 1', 'read only')
    const { added } = await sync.run()
    assert.lengthOf(added, 1)
    assert.include(logger.messages('warn').join(), 'NXT_RUN_DT could not be kept')
  })

  test('loops in the table are reported, once each, and the others are synced', async ({
    assert,
  }) => {
    const { database, sync } = await world()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', CURFLG: 'N' })
    database.insertSchedule({ JOBSCHID: 2, MAPREF: 'A', DPND_JOBSCHID: 4 })
    database.insertSchedule({ JOBSCHID: 3, MAPREF: 'B', DPND_JOBSCHID: 1 })
    database.insertSchedule({ JOBSCHID: 4, MAPREF: 'C', DPND_JOBSCHID: 3 })
    database.insertSchedule({ JOBSCHID: 5, MAPREF: 'LEAF', DPND_JOBSCHID: 4 })
    database.insertSchedule({ JOBSCHID: 6, MAPREF: 'SELF', DPND_JOBSCHID: 6 })
    database.insertSchedule({ JOBSCHID: 7, MAPREF: 'FREE' })
    const { added, problems } = await sync.run()
    assert.lengthOf(added, 6)
    const loops = problems.map(({ message }) => /: ([^;]*);/.exec(message)?.[1])
    assert.deepEqual(loops, ['A > B > C > A', 'SELF > SELF'])
    assert.match(problems[0].message, /empty the column in one of these schedules/)
  })
})

test.group('Dependencies', () => {
  test('a line goes up to the root, or to where it repeats', ({ assert }) => {
    const parents = new Map([
      ['C', 'B'],
      ['B', 'A'],
      ['X', 'Y'],
      ['Y', 'X'],
    ])
    assert.deepEqual(lineOf('C', parents), ['C', 'B', 'A'])
    assert.deepEqual(lineOf('X', parents), ['X', 'Y', 'X'])
    assert.deepEqual(loopsOf(parents), [['X', 'Y', 'X']])
  })
})
