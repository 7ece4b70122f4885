import { test } from '@japa/runner'
import { E_LEGACY_TABLE } from '../../src/errors.ts'
import { SequenceIds } from '../../src/legacy/tables/id_source.ts'
import type { LegacyClient } from '../../src/legacy/tables/client.ts'
import { openLegacyTables } from '../../src/legacy/tables/main.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { legacyDatabase, legacySource, RecordingLogger, openSource } from './support.ts'

const ENTITIES = {
  jobSchedule: 'SCH_SEQ',
  processLog: 'PRC_SEQ',
  jobLog: 'LOG_SEQ',
  jobError: 'ERR_SEQ',
}

legacyGroup('Ids of the pool', () => {
  test('a block is reserved once and handed out one by one', async ({ assert }) => {
    const { database, tables } = await openSource({}, (legacy) =>
      legacy.setPool('DWPRCLOGSEQ', 1000, 3)
    )
    const current = () =>
      database.rows("select CURRENT_VALUE from DMS_IDPOOL where ENTITY_NAME = 'DWPRCLOGSEQ'")[0]
        .CURRENT_VALUE
    assert.equal(await tables.ids.next('processLog'), 1001)
    assert.equal(current(), 1003)
    assert.deepEqual(await tables.ids.take('processLog', 2), [1002, 1003])
    assert.equal(current(), 1003)
    assert.deepEqual(
      await tables.ids.take('processLog', 7),
      [1004, 1005, 1006, 1007, 1008, 1009, 1010]
    )
    assert.deepEqual(await tables.ids.take('processLog', 0), [])
  })

  test('each entity has its own ids, blocks of 500 where nothing else is said', async ({
    assert,
  }) => {
    const { database, tables } = await openSource({}, (legacy) =>
      legacy.execute(
        `drop table DMS_IDPOOL; create table DMS_IDPOOL (ENTITY_NAME varchar(30) primary key, CURRENT_VALUE integer);
         insert into DMS_IDPOOL values ('DWPRCLOGSEQ', 10), ('DWJOBLOGSEQ', 20), ('DWJOBERRSEQ', 30)`
      )
    )
    assert.equal(await tables.ids.next('processLog'), 11)
    assert.equal(await tables.ids.next('jobLog'), 21)
    assert.equal(await tables.ids.next('jobError'), 31)
    assert.deepEqual(
      database.rows('select CURRENT_VALUE as v from DMS_IDPOOL order by v').map((row) => row.v),
      [510, 520, 530]
    )
  })

  test('two processes never get the same id', async ({ assert }) => {
    const database = await legacyDatabase()
    database.setPool('DWPRCLOGSEQ', 0, 5)
    const open = () =>
      openLegacyTables({
        connection: database.connection(),
        config: legacySource(),
        logger: new RecordingLogger(),
      })
    const [one, two] = await Promise.all([open(), open()])
    const takes = Array.from({ length: 60 }, (_, index) =>
      (index % 2 ? one : two).ids.take('processLog', 1 + (index % 4))
    )
    const taken = await Promise.all(takes)
    const ids = taken.flat()
    assert.equal(new Set(ids).size, ids.length)
    assert.lengthOf(ids, 150)
  })

  test('a missing row is an error, never another source of ids', async ({ assert }) => {
    const { database, tables } = await openSource()
    database.execute("delete from DMS_IDPOOL where ENTITY_NAME = 'DWJOBSCHSEQ'")
    const failure = await tables.ids.next('jobSchedule').catch((error: unknown) => error)
    assert.instanceOf(failure, E_LEGACY_TABLE)
    assert.match((failure as Error).message, /has no row for ENTITY_NAME = "DWJOBSCHSEQ"/i)

    database.setPool('DWJOBSCHSEQ', 5)
    assert.equal(await tables.ids.next('jobSchedule'), 6, 'it works once the row is there')
  })

  test('a value that is no whole number is an error', async ({ assert }) => {
    const { database, tables } = await openSource()
    database.place.loosen('DMS_IDPOOL', 'CURRENT_VALUE')
    database.execute("update DMS_IDPOOL set CURRENT_VALUE = 'many'")
    await assert.rejects(() => tables.ids.next('processLog'), /no whole number in CURRENT_VALUE/)
  })

  test('a value that changes under every try ends with an error', async ({ assert }) => {
    const { connection, tables } = await openSource()
    const transaction = connection.transaction.bind(connection)
    // Another program is faster, each time between the read and the write
    connection.transaction = (work) =>
      transaction((session) =>
        work({
          ...session,
          run: async (statement) => {
            const result = await statement()
            return Array.isArray(result) && typeof result[0] === 'object' ? result : (0 as never)
          },
        })
      )
    await assert.rejects(
      () => tables.ids.next('processLog'),
      /kept changing CURRENT_VALUE of "DWPRCLOGSEQ" under 20 tries/i
    )
  })

  test('names of the rows can be configured', async ({ assert }) => {
    const { tables } = await openSource(
      { ids: { table: 'MY_IDS', entities: { processLog: 'RUNS' } } },
      (legacy) => {
        legacy.execute('alter table DMS_IDPOOL rename to MY_IDS')
        legacy.insert('MY_IDS', { ENTITY_NAME: 'RUNS', CURRENT_VALUE: 70 })
      }
    )
    assert.equal(await tables.ids.next('processLog'), 71)
  })
})

test.group('Ids of sequences', () => {
  test('numbers are read several at a time', async ({ assert }) => {
    const database = await legacyDatabase()
    database.execute('create table SEQ (n integer); insert into SEQ values (100)')
    // A database that counts: each statement moves the row and reads the new numbers
    const statements: string[] = []
    const looked: string[] = []
    const dialect = {
      name: 'oracle' as const,
      sequences: {
        async find(_client: LegacyClient, name: string) {
          looked.push(name)
          return name === 'LOG_SEQ' ? null : name
        },
        next(name: string, count: number) {
          statements.push(`${name} ${count}`)
          return `update SEQ set n = n + ${count} returning n as id`
        },
      },
    }
    const connection = database.connection()
    const ids = new SequenceIds({ connection, entities: ENTITIES, dialect })

    await ids.check(['processLog'])
    assert.equal(await ids.next('processLog'), 150)
    assert.equal(await ids.next('jobError'), 200)
    assert.deepEqual(statements, ['PRC_SEQ 50', 'ERR_SEQ 50'])
    assert.deepEqual(looked, ['PRC_SEQ', 'ERR_SEQ'])
    await assert.rejects(() => ids.check(['jobLog']), /table LOG_SEQ does not exist as a sequence/)
  })

  test('a database without sequences says so', async ({ assert }) => {
    const database = await legacyDatabase()
    const dialect = { name: 'sqlite' as const, sequences: null }
    const ids = new SequenceIds({
      connection: database.connection(),
      entities: ENTITIES,
      dialect,
    })
    await assert.rejects(() => ids.check(['jobLog']), /LOG_SEQ cannot be a sequence/)
    await assert.rejects(() => ids.next('jobLog'), /sqlite has none/)
  })
})
