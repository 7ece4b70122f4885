import { test } from '@japa/runner'
import { sharesOf } from '../bin/shares.ts'

test.group('Shares of the specs', () => {
  test('the heaviest go apart, and each share takes about as long', ({ assert }) => {
    const seconds = { 'a.spec.ts': 60, 'b.spec.ts': 50, 'c.spec.ts': 8 }
    const files = ['a.spec.ts', 'b.spec.ts', 'c.spec.ts', 'd.spec.ts', 'e.spec.ts']
    assert.deepEqual(sharesOf(files, seconds, 2), [
      ['a.spec.ts'],
      ['b.spec.ts', 'c.spec.ts', 'd.spec.ts', 'e.spec.ts'],
    ])
  })

  test('every file is in one share, whatever the table knows', ({ assert }) => {
    const files = Array.from({ length: 101 }, (_, index) => `${index}.spec.ts`)
    const shares = sharesOf([...files], { '7.spec.ts': 30, 'gone.spec.ts': 500 }, 3)
    assert.sameMembers(shares.flat(), files)
    assert.isAtMost(Math.max(...shares.map(({ length }) => length)), 50)
  })
})
