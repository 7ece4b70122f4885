import { test } from '@japa/runner'
import { E_STORAGE_UNAVAILABLE } from '../../src/errors.ts'
import { isBusy, isDuplicate, isTransient } from '../../src/legacy/connection.ts'

const coded = (code: string, message = 'failed') => Object.assign(new Error(message), { code })

test.group('Failures of a legacy database', () => {
  test('busy is transient: {$self}')
    .with([
      'SQLITE_BUSY',
      'SQLITE_BUSY_SNAPSHOT',
      'SQLITE_LOCKED',
      '40P01',
      'ER_LOCK_DEADLOCK',
      'ER_CHECKREAD',
    ])
    .run(({ assert }, code) => {
      assert.isTrue(isBusy(coded(code)))
      assert.isTrue(isTransient(coded(code)))
    })

  test('a lost connection is transient, and is not repeated blindly: {$self}')
    .with([
      'SQLITE_IOERR_READ',
      'SQLITE_CANTOPEN',
      'ECONNREFUSED',
      'ECONNRESET',
      '57P01',
      '25P03',
      'ER_CLIENT_INTERACTION_TIMEOUT',
      '08006',
      'PROTOCOL_CONNECTION_LOST',
      'NJS-500',
      'ORA-03113',
      'ORA-12514',
      'E_STORAGE_UNAVAILABLE',
    ])
    .run(({ assert }, code) => {
      assert.isFalse(isBusy(coded(code)))
      assert.isTrue(isTransient(coded(code)))
    })

  test('what has no code is known by its name or its words', ({ assert }) => {
    const timeout = Object.assign(new Error('Knex: Timeout acquiring'), {
      name: 'KnexTimeoutError',
    })
    assert.isTrue(isTransient(timeout))
    assert.isTrue(isTransient(new Error('Unable to acquire a connection')))
    assert.isTrue(isTransient(new TypeError('The database connection is not open')))
    assert.isTrue(isTransient(new Error('ORA-03135: connection lost contact')))
    const ofDrivers = [
      'select 1 - Connection terminated unexpectedly',
      'Client has encountered a connection error and is not queryable',
      'select 1 - Client was closed and is not queryable',
      `select 1 - Can't add new command when connection is in closed state`,
      'timeout expired',
    ]
    for (const message of ofDrivers) {
      assert.isTrue(isTransient(new Error(message)), message)
    }
    const killed = Object.assign(new Error('Connection was killed'), { errno: 1927 })
    assert.isTrue(isTransient(killed))
    assert.isTrue(isTransient(new E_STORAGE_UNAVAILABLE(['begin', 'locked'])))
  })

  test('a cause counts, but not for ever', ({ assert }) => {
    const cause = coded('ECONNRESET')
    assert.isTrue(isTransient(new Error('outer', { cause })))
    const loop = new Error('loop')
    loop.cause = loop
    assert.isFalse(isTransient(loop))
  })

  test('a key that exists is a duplicate: {$self}')
    .with(['SQLITE_CONSTRAINT_PRIMARYKEY', 'SQLITE_CONSTRAINT_UNIQUE', '23505', 'ER_DUP_ENTRY'])
    .run(({ assert }, code) => {
      assert.isTrue(isDuplicate(coded(code)))
      assert.isFalse(isTransient(coded(code)))
    })

  test('everything else is neither', ({ assert }) => {
    for (const error of [
      coded('SQLITE_CONSTRAINT_NOTNULL'),
      coded('SQLITE_ERROR'),
      new Error('no such table'),
      Object.assign(new Error('interrupted'), { errno: 1969 }),
      Object.assign(new Error('number'), { code: 5 }),
      'a text',
      null,
      undefined,
    ]) {
      assert.isFalse(isBusy(error))
      assert.isFalse(isTransient(error))
      assert.isFalse(isDuplicate(error))
    }
    assert.isTrue(isDuplicate(new Error('ORA-00001: unique constraint violated')))
  })
})
