import { test } from '@japa/runner'
import { dialectOf } from '../../src/storage/database/dialect.ts'
import { forKnex } from '../../src/storage/database/raw_statement.ts'
import { chunks, firstNumber, inList, type Work } from '../../src/storage/database/work.ts'

const dialect = (name: string) => dialectOf({ dialect: { name }, connectionName: 'c' })
const error = (code: string) => Object.assign(new Error('driver'), { code })

test.group('storage / dialects', () => {
  test('PostgreSQL counts what data statements change, and the last of several speaks', ({
    assert,
  }) => {
    const { normalize } = dialect('postgres')
    const select = { command: 'SELECT', rowCount: 2, rows: [{ a: 1 }, { a: 2 }] }
    const update = { command: 'UPDATE', rowCount: 3, rows: [] }
    assert.deepEqual(normalize(select, ''), { rows: select.rows, affected: 0 })
    assert.deepEqual(normalize(update, ''), { rows: [], affected: 3 })
    assert.deepEqual(normalize([select, update], ''), { rows: [], affected: 3 })
    const unknown = { command: 'DELETE', rowCount: null, rows: [] }
    assert.equal(normalize(unknown, '').affected, 0)
  })

  test('MySQL gives rows or a header', ({ assert }) => {
    const { normalize } = dialect('mysql')
    assert.deepEqual(normalize([[{ a: 1 }], []], ''), { rows: [{ a: 1 }], affected: 0 })
    assert.deepEqual(normalize([{ affectedRows: 4 }], ''), { rows: [], affected: 4 })
  })

  test('Oracle gives rows, a result or nothing', ({ assert }) => {
    const { normalize } = dialect('oracledb')
    assert.deepEqual(normalize([{ a: 1 }], ''), { rows: [{ a: 1 }], affected: 0 })
    assert.deepEqual(normalize({ rowsAffected: 2 }, ''), { rows: [], affected: 2 })
    assert.deepEqual(normalize(null, ''), { rows: [], affected: 0 })
  })

  test('SQLite tells rows that a data statement returns from those of a select', ({ assert }) => {
    const { normalize } = dialect('better-sqlite3')
    const returned = normalize([{ id: 1 }], 'insert into t values (1) RETURNING id')
    assert.deepEqual(returned, { rows: [{ id: 1 }], affected: 1 })
    assert.deepEqual(normalize([{ id: 1 }], 'select id from t'), { rows: [{ id: 1 }], affected: 0 })
    assert.deepEqual(normalize({ changes: 5 }, ''), { rows: [], affected: 5 })
    assert.deepEqual(normalize(undefined, ''), { rows: [], affected: 0 })
  })

  test('driver errors are told apart: {$self}')
    .with([
      {
        name: 'better-sqlite3',
        busy: 'SQLITE_BUSY_SNAPSHOT',
        unique: 'SQLITE_CONSTRAINT_UNIQUE',
        away: 'SQLITE_CANTOPEN',
      },
      { name: 'postgres', busy: '40P01', unique: '23505', away: '57P01' },
      { name: 'mysql', busy: 'ER_LOCK_DEADLOCK', unique: 'ER_DUP_ENTRY', away: 'ECONNREFUSED' },
    ])
    .run(({ assert }, { name, busy, unique, away }) => {
      const { isBusy, isUniqueViolation, isUnavailable } = dialect(name)
      for (const code of [busy, unique, away, 'E_OTHER_THING']) {
        const answers = [isBusy, isUniqueViolation, isUnavailable].map((is) => is(error(code)))
        assert.deepEqual(answers, [code === busy, code === unique, code === away], code)
      }
      const timeout = Object.assign(new Error('no connection'), { name: 'KnexTimeoutError' })
      assert.isTrue(isUnavailable(timeout))
      for (const strange of [null, undefined, 'text', {}]) {
        assert.isFalse(isBusy(strange) || isUniqueViolation(strange) || isUnavailable(strange))
      }
    })

  test('Oracle’s are in the message', ({ assert }) => {
    const { isBusy, isUniqueViolation, isUnavailable } = dialect('oracledb')
    assert.isTrue(isBusy(new Error('ORA-00060: deadlock detected')))
    assert.isTrue(isUniqueViolation(new Error('ORA-00001: unique constraint violated')))
    assert.isTrue(isUnavailable(new Error('ORA-03113: end-of-file')))
    assert.isTrue(isUnavailable(new Error('NJS-500: connection broken')))
    assert.isFalse(isUnavailable(new Error('ORA-00942: table does not exist')))
  })

  test('an insert passes over taken keys in each database’s words', ({ assert }) => {
    const insert = 'insert into t (id) values (?)'
    const words = (name: string) => dialect(name).insertOrSkip(insert).slice(insert.length)
    assert.equal(words('better-sqlite3'), ' on conflict do nothing')
    assert.equal(words('postgres'), ' on conflict do nothing')
    assert.equal(words('mysql'), ' on duplicate key update id = id')
    const keyed = dialect('mysql').insertOrSkip(insert, 'name')
    assert.equal(keyed.slice(insert.length), ' on duplicate key update name = name')
  })

  test('a text is looked for with the letters A to Z in either case', ({ assert }) => {
    const text = 'Ü_a%.'
    assert.deepEqual(dialect('better-sqlite3').contains('name', text), {
      sql: String.raw`lower(name) like ? escape '\'`,
      binding: String.raw`%Ü\_a\%.%`,
    })
    assert.deepEqual(dialect('mysql').contains('name', text), {
      sql: 'name regexp ?',
      binding: String.raw`Ü_[aA]%\.`,
    })
  })

  test('a lost connection is told from a statement that fails', ({ assert }) => {
    const lost = { postgres: '57P01', mysql: 'PROTOCOL_CONNECTION_LOST' }
    for (const [name, code] of Object.entries(lost)) {
      const { isLost, isUnavailable } = dialect(name)
      assert.isTrue(isLost(error(code)) && isUnavailable(error(code)))
      assert.isFalse(isLost(error('E_OTHER_THING')) || isLost(null))
    }
    // The server has ended a transaction that was silent for too long
    assert.isTrue(dialect('postgres').isLost(error('25P03')))
    assert.isTrue(dialect('mysql').isLost(error('ER_CLIENT_INTERACTION_TIMEOUT')))
    assert.isTrue(dialect('postgres').isLost(new Error('Connection terminated unexpectedly')))
    assert.isFalse(dialect('better-sqlite3').isLost(error('SQLITE_BUSY')))
  })

  test('days begin where they begin in UTC', ({ assert }) => {
    assert.equal(dialect('postgres').startOfDay('x'), '(x - (x % 86400000))')
    assert.equal(dialect('oracledb').startOfDay('x'), '(x - mod(x, 86400000))')
  })
})

test.group('storage / statements', () => {
  test('a list has a power of two of places', ({ assert }) => {
    assert.deepEqual(inList([]), { sql: '(null)', bindings: [] })
    assert.deepEqual(inList([7]), { sql: '(?)', bindings: [7] })
    assert.deepEqual(inList([1, 2, 3]), { sql: '(?, ?, ?, ?)', bindings: [1, 2, 3, 3] })
    assert.lengthOf(inList(Array.from({ length: 65 }).fill('x') as string[]).bindings, 128)
  })

  test('long lists are cut', ({ assert }) => {
    assert.deepEqual([...chunks([1, 2, 3, 4, 5], 2)], [[1, 2], [3, 4], [5]])
    assert.deepEqual([...chunks([])], [])
  })

  test('a number may come as a text, or not at all', async ({ assert }) => {
    const work = (rows: Record<string, unknown>[]) => ({ all: async () => rows }) as unknown as Work
    assert.equal(await firstNumber(work([{ n: '1767225600000' }]), ''), 1_767_225_600_000)
    assert.isNull(await firstNumber(work([{ n: null }]), ''))
    assert.isNull(await firstNumber(work([]), ''))
  })

  test('quoted question marks are escaped where knex numbers the bindings', ({ assert }) => {
    const sql = `select '?', "a?", \`b?\`, ? -- c?\n, ? /* d? */ from t`
    const expected = `select '\\?', "a\\?", \`b\\?\`, ? -- c\\?\n, ? /* d\\? */ from t`
    const bindings = [1, 2]
    assert.deepEqual(forKnex('postgres', { sql, bindings }, {}), { sql: expected, bindings })
  })

  test('and left alone where the values are written into the text', ({ assert }) => {
    const connection = { escape: (value: unknown) => `<${String(value)}>` }
    const sql = `select '?', ?, "?", ? -- ?`
    assert.deepEqual(forKnex('mysql', { sql, bindings: ['a?', 2] }, connection), {
      sql: `select '?', <a?>, "?", <2> -- ?`,
      bindings: [],
    })
    const missing = forKnex('mysql', { sql: 'select ?, ?', bindings: [1] }, connection)
    assert.equal(missing.sql, 'select <1>, ?')
  })
})
