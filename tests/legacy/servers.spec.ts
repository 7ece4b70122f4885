import { test } from '@japa/runner'
import type { LegacySourceInput } from '../../src/legacy/config.ts'
import { isDuplicate, isTransient, type LegacySession } from '../../src/legacy/connection.ts'
import { openLegacyTables } from '../../src/legacy/tables/main.ts'
import type { LegacyDatabase } from '../helpers/legacy_database.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import {
  legacyDatabase,
  legacySource,
  NOW,
  openSource,
  openWith,
  RecordingLogger,
} from './support.ts'

const REQUEST = { requestId: 'R1', mapref: 'A', type: 'IMMEDIATE', payload: {}, now: NOW }

/** Every error that two opposite transactions end with. */
async function deadlock(database: LegacyDatabase): Promise<unknown[]> {
  database.execute('create table PAIR (ID integer primary key, N integer)')
  database.execute('insert into PAIR values (1, 0), (2, 0)')
  const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const touch = (session: LegacySession, id: number) =>
    session.sql.query('update PAIR set N = N + 1 where ID = ?', [id])
  const opposite = async (first: number, second: number, index: number) =>
    database.connection().transaction(async (session) => {
      await touch(session, first)
      both[index].resolve()
      await both[1 - index].promise
      await touch(session, second)
    })
  const ends = await Promise.allSettled([opposite(1, 2, 0), opposite(2, 1, 1)])
  return ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
}

legacyGroup(
  'A server between two connections',
  (kind) => {
    test('a deadlock is tried again, its victim alone', async ({ assert }) => {
      const errors = await deadlock(await legacyDatabase())
      assert.lengthOf(errors, 1)
      assert.isTrue(isTransient(errors[0]))
      assert.isFalse(isDuplicate(errors[0]))
    })

    test('a connection that is cut off is transient, and the next is new', async ({ assert }) => {
      const { connection } = await openSource()
      const kill = {
        sqlite: '',
        postgres: 'select pg_terminate_backend(pg_backend_pid())',
        mysql: 'kill connection_id()',
      }[kind.name]
      const inside = connection.transaction((session) => session.sql.query(kill))
      const error: unknown = await inside.catch((failure: unknown) => failure)
      assert.instanceOf(error, Error)
      assert.isTrue(isTransient(error), (error as Error).message)
      assert.isAbove(await connection.now(), 0)
    })

    test('a transaction sees what is committed when each statement begins', async ({ assert }) => {
      const { database, connection, tables } = await openSource()
      await connection.transaction(async (session) => {
        assert.isNull(await tables.processLogs.find(session, 1))
        database.insert('DWPRCLOG', { PRCID: 1, MAPREF: 'A', STATUS: 'IP' })
        assert.containSubset(await tables.processLogs.find(session, 1), { status: 'IP' })
      })
    })

    test('an insert that collides at that moment spoils no transaction', async ({ assert }) => {
      const { database, connection, tables } = await openSource()
      const requests = tables.requests!
      const inserted = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      const first = connection.transaction(async (session) => {
        const done = await requests.insert(session, REQUEST)
        inserted.resolve()
        await release.promise
        return done
      })
      await inserted.promise
      const second = database.connection().transaction(async (session) => {
        const colliding = requests.insert(session, REQUEST)
        release.resolve()
        return [await colliding, await requests.insert(session, { ...REQUEST, requestId: 'R2' })]
      })
      assert.isTrue(await first)
      assert.deepEqual(await second, [false, true])
      assert.lengthOf(database.rows('select * from DWPRCREQ'), 2)
    })

    test('a guarded write that changes nothing still counts, and holds the row', async ({
      assert,
    }) => {
      const { database, connection, tables } = await openSource()
      const requests = tables.requests!
      await requests.insertClaimed(connection.session, { ...REQUEST, claimedBy: 'n.1' })
      const held = { requestId: 'R1', claimedBy: 'n.1' }
      const order: string[] = []
      let other: Promise<unknown> | undefined
      await connection.transaction(async (session) => {
        assert.isTrue(await requests.holdClaim(session, held))
        const beside = database.connection()
        other = requests.handBack(beside.session, held).then(() => order.push('handed back'))
        // Another statement on a connection of its own comes through meanwhile
        await database.connection().now()
        order.push('held')
      })
      await other
      assert.deepEqual(order, ['held', 'handed back'])
    })
  },
  ['postgres', 'mysql']
)

legacyGroup(
  'Sequences',
  (kind) => {
    const ids: LegacySourceInput['ids'] = { kind: 'sequence' }
    const create = (database: LegacyDatabase) =>
      database.execute(
        `create sequence DWPRCLOGSEQ start with 101; create sequence DWJOBLOGSEQ;
         create sequence DWJOBERRSEQ`
      )

    test('give numbers to two processes, none twice', async ({ assert }) => {
      const { database, tables } = await openWith([], { ids }, create)
      const connection = database.connection()
      const config = legacySource({ ids })
      const other = await openLegacyTables({ connection, config, logger: new RecordingLogger() })
      const taken = [
        ...(await tables.ids.take('processLog', 70)),
        ...(await other.ids.take('processLog', 1200)),
        await tables.ids.next('processLog'),
      ]
      assert.equal(Math.min(...taken), 101)
      assert.equal(new Set(taken).size, 1271)
    })

    test('that are missing are named', async ({ assert }) => {
      await assert.rejects(
        () =>
          openWith([], { ids }, (database) => {
            create(database)
            database.execute('drop sequence DWJOBERRSEQ')
          }),
        /table DWJOBERRSEQ does not exist as a sequence/
      )
    })

    test('of a schema and with quoted names are found', async ({ assert }) => {
      const entities = (database: LegacyDatabase) => ({
        processLog: `${database.place.name}.Prc_Seq`,
      })
      const database = await legacyDatabase()
      create(database)
      const name = kind.name === 'postgres' ? '"Prc_Seq"' : 'Prc_Seq'
      database.execute(`create sequence ${name} start with 7`)
      const config = legacySource({ ids: { kind: 'sequence', entities: entities(database) } })
      const connection = database.connection()
      const tables = await openLegacyTables({ connection, config, logger: new RecordingLogger() })
      assert.equal(await tables.ids.next('processLog'), 7)
    })
  },
  ['postgres', 'mysql']
)
