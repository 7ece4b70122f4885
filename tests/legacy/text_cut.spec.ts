import { test } from '@japa/runner'
import { cutText } from '../../src/legacy/text_cut.ts'

test.group('Text of a legacy column', () => {
  test('a text that fits stays as it is', ({ assert }) => {
    assert.equal(cutText('abc', { length: 3, unit: 'bytes' }), 'abc')
    assert.equal(cutText('äöü', { length: 6, unit: 'bytes' }), 'äöü')
    assert.equal(cutText('x'.repeat(10_000), null), 'x'.repeat(10_000))
    assert.equal(cutText('', { length: 0, unit: 'bytes' }), '')
  })

  test('bytes are counted where the unit is bytes', ({ assert }) => {
    assert.equal(cutText('äöü', { length: 5, unit: 'bytes' }), 'äö')
    assert.equal(cutText('aé', { length: 2, unit: 'bytes' }), 'a')
    assert.equal(cutText('€€', { length: 4, unit: 'bytes' }), '€')
  })

  test('characters are counted where the unit is characters', ({ assert }) => {
    assert.equal(cutText('äöü', { length: 2, unit: 'characters' }), 'äö')
    assert.equal(cutText('a😀b', { length: 2, unit: 'characters' }), 'a😀')
  })

  test('a code point is never split', ({ assert }) => {
    assert.equal(cutText('a😀', { length: 4, unit: 'bytes' }), 'a')
    assert.equal(cutText('a😀', { length: 5, unit: 'bytes' }), 'a😀')
    assert.equal(cutText('😀😀', { length: 1, unit: 'characters' }), '😀')
    for (let length = 0; length <= 20; length++) {
      const cut = cutText('aä€😀aä€😀', { length, unit: 'bytes' })
      assert.isAtMost(Buffer.byteLength(cut), length)
      assert.isTrue(cut.isWellFormed())
    }
  })
})
