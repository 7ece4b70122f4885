import { test } from '@japa/runner'
import { LruCache } from '../src/lru_cache.ts'

test.group('LruCache', () => {
  test('what is asked for stays, what was not asked for longest leaves', ({ assert }) => {
    const cache = new LruCache<string>(2)
    const make = (value: string) => () => value
    cache.get('a', make('a'))
    cache.get('b', make('b'))
    cache.get('a', make('never made'))
    cache.get('c', make('c'))

    assert.equal(cache.size, 2)
    assert.equal(cache.get('a', make('made anew')), 'a')
    assert.equal(cache.get('b', make('made anew')), 'made anew')
  })

  test('a value that cannot be made leaves nothing behind', ({ assert }) => {
    const cache = new LruCache<string>(2)
    const fail = () => {
      throw new Error('cannot')
    }
    assert.throws(() => cache.get('a', fail), 'cannot')
    assert.equal(cache.size, 0)
  })

  test('what weighs more than the others leaves room for fewer of them', ({ assert }) => {
    const cache = new LruCache<string>(10)
    const get = (key: string, weight: number) => cache.get(key, () => key, weight)
    get('a', 3)
    get('b', 3)
    get('c', 4)
    assert.equal(cache.size, 3)
    get('d', 5)
    assert.equal(cache.size, 2)
    assert.equal(
      cache.get('c', () => 'made anew'),
      'c'
    )
  })

  test('what weighs more than all that may be kept is not kept, and sends nothing away', ({
    assert,
  }) => {
    const cache = new LruCache<string>(10)
    cache.get('b', () => 'b', 10)
    assert.equal(
      cache.get('a', () => 'a', 11),
      'a'
    )
    assert.equal(cache.size, 1)
    assert.equal(
      cache.get('b', () => 'made anew', 10),
      'b'
    )
  })
})
