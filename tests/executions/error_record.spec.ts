import { test } from '@japa/runner'
import { E_UNKNOWN_HANDLER } from '../../src/errors.ts'
import { toExecutionError } from '../../src/executions/error_record.ts'
import { hostile, unreadable } from './unreadable.ts'

test.group('Error record', () => {
  test('keeps name, message, code and stack', ({ assert }) => {
    const record = toExecutionError(new E_UNKNOWN_HANDLER(['mail']))

    assert.equal(record.name, 'E_UNKNOWN_HANDLER')
    assert.equal(record.code, 'E_UNKNOWN_HANDLER')
    assert.equal(record.message, 'No handler is registered as "mail"')
    assert.match(record.stack!, /error_record\.spec/)
  })

  test('keeps a numeric code of a driver as text', ({ assert }) => {
    assert.equal(toExecutionError(Object.assign(new Error('x'), { code: 1205 })).code, '1205')
  })

  test('keeps the chain of causes, bounded', ({ assert }) => {
    const loop = new Error('loop')
    loop.cause = loop
    const record = toExecutionError(new Error('a', { cause: new Error('b', { cause: loop }) }))

    assert.equal(record.cause?.message, 'b')
    assert.equal(record.cause?.cause?.cause?.message, 'loop')
    assert.isUndefined(record.cause?.cause?.cause?.cause)
  })

  test('says what the parts of an error say that says nothing itself', ({ assert }) => {
    const parts = [new Error('refused at ::1'), 'refused at 127.0.0.1']
    const record = toExecutionError(
      new TypeError('fetch failed', { cause: new AggregateError(parts) })
    )
    assert.equal(record.message, 'fetch failed')
    assert.equal(record.cause!.message, 'refused at ::1 · refused at 127.0.0.1')
    assert.equal(toExecutionError(new AggregateError(parts, 'all lost')).message, 'all lost')
  })

  test('cuts long texts at a character, not inside one', ({ assert }) => {
    const record = toExecutionError(new Error(`${'x'.repeat(3_998)}😀😀`))

    assert.lengthOf(record.message, 4_000)
    assert.isTrue(record.message.isWellFormed())
    assert.isTrue(record.message.endsWith('…'))
  })

  test('describes what is not an error: {0}')
    .with([
      ['a text', 'a text'],
      [{ code: 7 }, '{"code":7}'],
      [undefined, 'undefined'],
      [10n, '[object BigInt]'],
    ] as [unknown, string][])
    .run(({ assert }, [thrown, message]) => {
      assert.deepEqual(toExecutionError(thrown), { name: 'Error', message })
    })

  test('says which part could not be read: {$self}')
    .with(['name', 'message', 'code', 'stack'] as const)
    .run(({ assert }, part) => {
      const record = toExecutionError(unreadable(part))
      assert.equal(record[part], `(the ${part} of the error could not be read)`)
      assert.equal(record.name, part === 'name' ? record.name : 'Error')
      assert.equal(record.message, part === 'message' ? record.message : 'boom')
    })

  test('a cause that cannot be read is said in its place', ({ assert }) => {
    const { message, cause } = toExecutionError(unreadable('cause'))
    assert.equal(message, 'boom')
    assert.deepEqual(cause, {
      name: 'Error',
      message: '(the cause of the error could not be read)',
    })
  })

  test('a proxy whose traps throw is said to be unreadable', ({ assert }) => {
    const record = { name: 'Error', message: '(what was thrown could not be read)' }
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    for (const thrown of [hostile(), revoked.proxy]) {
      assert.deepEqual(toExecutionError(thrown), record)
      assert.deepEqual(toExecutionError(new Error('a', { cause: thrown })).cause, record)
    }
  })
})
