import { test } from '@japa/runner'
import type { ColumnType } from '../../src/legacy/preset.ts'
import { TableLayout, type LegacyColumn } from '../../src/legacy/tables/layout.ts'
import { affectedRows, chunked, toNumber, toText } from '../../src/legacy/tables/values.ts'
import { WallClock } from '../../src/legacy/wall_clock.ts'

test.group('Values of drivers', () => {
  test('numbers come as numbers, texts, or not at all', ({ assert }) => {
    assert.deepEqual([5, '5', 5n, ' 7 '].map(toNumber), [5, 5, 5, 7])
    assert.deepEqual([null, undefined, '', 'x'].map(toNumber), [null, null, null, null])
  })

  test('texts come as texts, numbers, bytes, or not at all', ({ assert }) => {
    assert.deepEqual([' a ', 5, Buffer.from('é')].map(toText), [' a ', '5', 'é'])
    assert.deepEqual([null, undefined, ''].map(toText), [null, null, null])
  })

  test('counts come bare or in a list', ({ assert }) => {
    assert.deepEqual([3, [3], '3', [], undefined].map(affectedRows), [3, 3, 3, 0, 0])
  })

  test('lists are cut', ({ assert }) => {
    assert.deepEqual(chunked([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]])
    assert.deepEqual(chunked([], 2), [])
  })
})

function columnOf(name: string, type: ColumnType): LegacyColumn {
  return {
    name,
    type,
    declared: '',
    limit: null,
    read: null,
    instant: false,
    clean: (text) => text,
  }
}

test.group('Values of columns', () => {
  const layout = new TableLayout<'at' | 'day' | 'zoned' | 'count' | 'name' | 'text' | 'gone'>({
    name: 'T',
    columns: new Map([
      ['at', columnOf('AT', 'timestamp')],
      ['day', columnOf('DAY', 'date')],
      ['zoned', { ...columnOf('ZONED', 'timestamp'), instant: true }],
      ['count', columnOf('N', 'number')],
      ['name', { ...columnOf('NAME', 'text'), limit: { length: 3, unit: 'bytes' } }],
      ['text', { ...columnOf('TXT', 'clob'), clean: (text) => text.replaceAll('#', '') }],
    ]),
    wallClock: new WallClock('Asia/Tokyo'),
    raw: () => {
      throw new Error('these columns come as they are')
    },
  })
  const instant = Date.parse('2026-03-01T00:00:00.500Z')

  test('each is written in its own form, absent and undefined ones are left out', ({ assert }) => {
    assert.deepEqual(
      layout.row({
        at: instant,
        day: instant,
        count: 5,
        name: 1234,
        text: '#long#'.repeat(9),
        gone: 1,
      }),
      {
        AT: '2026-03-01 09:00:00.500',
        DAY: '2026-03-01 09:00:00',
        N: 5,
        NAME: '123',
        TXT: 'long'.repeat(9),
      }
    )
    assert.deepEqual(layout.row({ at: '2026-03-01', name: null, count: undefined }), {
      AT: '2026-03-01',
      NAME: null,
    })
  })

  test('instants to compare with take the form of the column', ({ assert }) => {
    assert.equal(layout.instant('at', instant), '2026-03-01 09:00:00.500')
    assert.equal(layout.instant('day', instant), '2026-03-01 09:00:00')
    assert.equal(layout.instant('zoned', instant), '2026-03-01T00:00:00.500Z')
    assert.deepEqual(layout.row({ zoned: instant }), { ZONED: '2026-03-01T00:00:00.500Z' })
  })

  test('a column that is not there is not selected, and not to be asked for', ({ assert }) => {
    assert.deepEqual(layout.select(['at', 'gone'], 't'), ['t.AT as at'])
    assert.isFalse(layout.has('gone'))
    assert.throws(() => layout.column('gone'), /"gone" of T was not looked for/)
  })
})
