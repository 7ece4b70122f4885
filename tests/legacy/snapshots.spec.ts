import { test } from '@japa/runner'
import { sessionOf } from '../../src/storage/database/lucid_session.ts'
import type { SqlCell, SqlReader } from '../../src/storage/sql_session.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { legacyDatabase } from './support.ts'

async function allRows(reader: SqlReader, sql: string, bindings: (string | number)[] = []) {
  const { columns, batches } = await reader.select(sql, bindings)
  const rows: SqlCell[][] = []
  const sizes: number[] = []
  for await (const batch of batches) {
    sizes.push(batch.length)
    rows.push(...batch)
  }
  return { columns, rows, sizes }
}

async function open() {
  const database = await legacyDatabase()
  return { database, session: sessionOf(database.client()) }
}

legacyGroup('SQL session | read only', (kind) => {
  test('streams rows in batches, values as they are stored', async ({ assert }) => {
    const { database, session } = await open()
    const [big, money, seen] = {
      sqlite: ['integer', 'varchar(30)', 'timestamp'],
      postgres: ['bigint', 'numeric(30,10)', 'timestamp(3)'],
      mysql: ['bigint', 'decimal(30,10)', 'datetime(3)'],
    }[kind.name]
    database.execute(
      `create table VALS (ID integer, BIG ${big}, MONEY ${money}, SEEN ${seen}, NOTE varchar(50), RATE real)`
    )
    database.execute(
      `insert into VALS values (1, 9223372036854775807, '12345678901234567890.0123456789', '2026-03-29 02:30:00.125', 'ä?', 0.1), (2, null, null, null, null, null)`
    )
    const { columns, rows } = await session.readOnly((reader) =>
      allRows(
        reader,
        `select ID, BIG, MONEY, SEEN, NOTE, RATE, '?' as Q from VALS where ID < ? order by ID`,
        [9]
      )
    )
    assert.deepEqual(
      columns.map(({ name }) => name.toUpperCase()),
      ['ID', 'BIG', 'MONEY', 'SEEN', 'NOTE', 'RATE', 'Q']
    )
    assert.equal(columns[3].kind, 'date')
    assert.deepEqual(rows[0].map(String), [
      '1',
      '9223372036854775807',
      '12345678901234567890.0123456789',
      '2026-03-29 02:30:00.125',
      'ä?',
      '0.1',
      '?',
    ])
    assert.deepEqual(rows[1].slice(1, 6), [null, null, null, null, null])
  })

  test('reads further while others write, and sees nothing of it', async ({ assert }) => {
    const { database, session } = await open()
    database.execute('create table NUMS (N integer)')
    database.insertMany(
      'NUMS',
      Array.from({ length: 1_700 }, (_, index) => ({ N: index }))
    )
    await session.readOnly(async (reader) => {
      const { batches } = await reader.select('select N from NUMS order by N')
      const sizes: number[] = []
      for await (const batch of batches) {
        sizes.push(batch.length)
        database.execute('insert into NUMS values (9999)')
      }
      assert.deepEqual(sizes, [500, 500, 500, 200])
      const { rows } = await allRows(reader, 'select count(*) as C from NUMS')
      assert.equal(Number(rows[0][0]), 1_700)
    })
    assert.lengthOf(database.rows('select * from NUMS'), 1_704)
  })

  test('lets go of rows that nobody reads, and of the connection', async ({ assert }) => {
    const { database, session } = await open()
    database.execute('create table NUMS (N integer)')
    database.insertMany(
      'NUMS',
      Array.from({ length: 3_000 }, (_, index) => ({ N: index }))
    )
    for (let round = 0; round < 8; round++) {
      await session.readOnly(async (reader) => {
        const { batches } = await reader.select('select N from NUMS')
        for await (const batch of batches) {
          assert.lengthOf(batch, 500)
          break
        }
      })
    }
    const { rows } = await session.query('select count(*) as C from NUMS')
    assert.equal(Number(Object.values(rows[0])[0]), 3_000)
  })

  test('refuses to write', async ({ assert }) => {
    const { database, session } = await open()
    database.execute('create table NUMS (N integer)')
    await assert.rejects(() =>
      session.readOnly((reader) => allRows(reader, 'insert into NUMS values (1)'))
    )
    assert.isEmpty(database.rows('select * from NUMS'))
  })

  test('rejects with the reason of an abort, on a statement that runs', async ({ assert }) => {
    const { session } = await open()
    const aborter = new AbortController()
    const { signal } = aborter
    const endless = {
      sqlite: `with recursive n (i) as (select 1 union all select i + 1 from n) select i from n`,
      postgres: 'select pg_sleep(60)',
      mysql: 'select sleep(60)',
    }[kind.name]
    const reading = session.readOnly(
      async (reader) => {
        setImmediate(() => aborter.abort('cancelled'))
        const { batches } = await reader.select(endless)
        for await (const batch of batches) {
          signal.throwIfAborted()
          assert.isAtMost(batch.length, 500)
        }
      },
      { signal }
    )
    const reason = await reading.then(
      () => 'not aborted',
      (error: unknown) => error
    )
    assert.equal(reason, 'cancelled')
    assert.isNumber(await session.now())
  })

  test('tells columns of a SELECT without rows, and errors of one that is wrong', async ({
    assert,
  }) => {
    const { session } = await open()
    await session.readOnly(async (reader) => {
      const { columns, rows } = await allRows(reader, 'select PRCID as ID from DWPRCLOG')
      assert.deepEqual([columns[0].name.toUpperCase(), rows], ['ID', []])
    })
    await assert.rejects(
      () => session.readOnly((reader) => allRows(reader, 'select ID from NOWHERE')),
      /nowhere/i
    )
  })
})
