import { test } from '@japa/runner'
import { sessionOf } from '../../src/storage/database/lucid_session.ts'
import { arrayText } from '../../src/storage/sql_session.ts'
import { createServerDatabase } from '../helpers/server_database.ts'
import { postgresql } from './each_database.ts'

const TEXTS = [
  'plain',
  '',
  'null',
  'NULL',
  '{a,b}',
  'a, b ',
  'a "quoted" word',
  String.raw`C:\folder\"new"`,
  'two\nlines, "one" quoted',
  'a tab\tand a \u0001 "control"',
  '"é" and "😀"',
  JSON.stringify({ text: 'a "b"\n\\', list: [null, 'ü'] }),
]

test.group('Arrays as texts | on PostgreSQL', (group) => {
  group.tap((each) => each.skip(!postgresql.available, postgresql.reason))

  test('each value comes back as it was given', async ({ assert, cleanup }) => {
    const database = await createServerDatabase(postgresql, { migrated: false })
    cleanup(() => database.drop())
    const given = [...TEXTS, null]
    const { rows } = await sessionOf(database.client()).query(
      'select value from unnest(cast(? as text[])) with ordinality as each(value, place) order by place',
      [arrayText(given)]
    )
    assert.deepEqual(
      rows.map(({ value }) => value),
      given
    )
    assert.equal(arrayText([1, null, 2n]), '{1,null,2}')
    assert.equal(arrayText([]), '{}')
  })
})
