import { getActiveTest, test } from '@japa/runner'
import type { LegacySourceInput } from '../../src/legacy/config.ts'
import { isDuplicate, isTransient, type LegacySession } from '../../src/legacy/connection.ts'
import { emptyParams } from '../../src/legacy/params.ts'
import { openLegacyTables } from '../../src/legacy/tables/main.ts'
import type { LegacyDatabase } from '../helpers/legacy_database.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { createLegacyWorld } from '../helpers/legacy_world.ts'
import { legacyDatabase, legacySource, NOW, openSource, RecordingLogger } from './support.ts'

const CLAIM = { claimedBy: 'n.00000000.1', limit: 5, now: NOW }
const RUN = { jobid: 1, jobflwid: 1, mapref: 'A', sessionid: 5, params: emptyParams(), now: NOW }
const REQUEST = { requestId: 'R1', mapref: 'A', type: 'IMMEDIATE', payload: {}, now: NOW }

/** Opens the tables over connections that begin with these statements. */
async function openWith(
  session: string[],
  input: Partial<LegacySourceInput> = {},
  prepare: (database: LegacyDatabase) => void = () => {}
) {
  const config = legacySource(input)
  const database = await legacyDatabase({ timezone: config.timezone })
  prepare(database)
  const connection = database.connection({ client: database.client({ session }) })
  const tables = await openLegacyTables({ connection, config, logger: new RecordingLogger() })
  return { database, connection, tables, requests: tables.requests! }
}

/** Moves this process to another zone until the test ends. */
function processIn(zone: string): void {
  const before = process.env.TZ
  process.env.TZ = zone
  getActiveTest()?.cleanup(() => {
    if (before === undefined) {
      delete process.env.TZ
    } else {
      process.env.TZ = before
    }
  })
}

legacyGroup(
  'Zones of the process, of the session and of the tables',
  (kind) => {
    const session = {
      sqlite: [],
      postgres: [`set timezone = 'Pacific/Auckland'`, `set datestyle = 'German'`],
      mysql: [`set time_zone = '+13:00'`],
    }[kind.name]

    test('do not touch each other', async ({ assert }) => {
      processIn('America/New_York')
      const timezone = 'Asia/Kolkata'
      const { database, connection, tables, requests } = await openWith(session, { timezone })
      assert.closeTo(await connection.now(), Date.now(), 5_000)

      database.insertRequest({ ...asRow('R1', 'A'), REQUESTED_AT: '2026-03-01 17:00:00' })
      const [row] = await requests.claimBatch(connection.session, CLAIM)
      assert.equal(row.requestedAt, Date.parse('2026-03-01T11:30:00Z'))
      assert.equal(row.claimedAt, NOW)
      await tables.processLogs.insertInProgress(connection.session, { ...RUN, prcid: 1 })
      assert.containSubset(await tables.processLogs.find(connection.session, 1), { startedAt: NOW })
      const [stored] = database.rows('select STRTDT, RECCRDT from DWPRCLOG')
      assert.deepEqual(stored, {
        STRTDT: '2026-03-01 17:30:00.250',
        RECCRDT: '2026-03-01 17:30:00',
      })
    })

    test('a day that the zone of the session does not have is kept', async ({ assert }) => {
      processIn('Europe/Berlin')
      // 02:30 does not exist in Berlin on this day, nor 02:30 of 27 September in Auckland
      const { database, connection, tables } = await openWith(session)
      for (const [id, wall] of ['2026-03-29 02:30:00', '2026-09-27 02:30:00'].entries()) {
        database.insertSchedule({ JOBSCHID: id, MAPREF: 'A', STRTDT: wall })
        const read = await tables.schedules.findById(connection.session, id)
        assert.equal(read?.strtdt, wall.replace(' ', 'T'))
        const instant = Date.parse(`${wall.replace(' ', 'T')}Z`)
        await tables.schedules.markRun(connection.session, id, { lastRun: instant })
        const [row] = database.rows(`select LST_RUN_DT from DWJOBSCH where JOBSCHID = ${id}`)
        assert.equal(row.LST_RUN_DT, `${wall}.000`)
      }
    })

    test('a claim of 23 hours ago blocks, one of 25 does not', async ({ assert }) => {
      processIn('America/New_York')
      const { database, connection, requests } = await openWith(session, {
        timezone: 'Asia/Kolkata',
      })
      const claimed = (id: string, at: string) =>
        database.insertRequest({
          ...asRow(`old-${id}`, id),
          STATUS: 'CLAIMED',
          CLAIMED_BY: 'other',
          CLAIMED_AT: at,
        })
      claimed('YOUNG', '2026-02-28 18:30:00')
      claimed('OLD', '2026-02-28 16:30:00')
      for (const mapref of ['YOUNG', 'OLD']) {
        database.insertRequest(asRow(`new-${mapref}`, mapref))
      }
      const rows = await requests.claimBatch(connection.session, CLAIM)
      assert.deepEqual(
        rows.map(({ mapref }) => mapref),
        ['OLD']
      )
    })
  },
  ['postgres', 'mysql']
)

function asRow(REQUEST_ID: string, MAPREF: string) {
  return { REQUEST_ID, MAPREF, REQUEST_TYPE: 'IMMEDIATE' }
}

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

legacyGroup(
  'Tables that differ from the reference',
  () => {
    test('quoted upper-case names are found', async ({ assert }) => {
      const { database, connection, tables, requests } = await openWith([], {}, (legacy) => {
        const { name } = legacy.place
        const columns = legacy.rows<{ TABLE_NAME: string; COLUMN_NAME: string }>(
          `select TABLE_NAME, COLUMN_NAME from information_schema.columns where table_schema = ?`,
          name
        )
        for (const { TABLE_NAME: t, COLUMN_NAME: c } of columns) {
          legacy.execute(`alter table ${t} rename column ${c} to "${c.toUpperCase()}"`)
        }
        for (const table of new Set(columns.map(({ TABLE_NAME: t }) => t))) {
          legacy.execute(`alter table ${table} rename to "${table.toUpperCase()}"`)
        }
      })
      await requests.insert(connection.session, REQUEST)
      const [row] = await requests.claimBatch(connection.session, CLAIM)
      assert.containSubset(row, { requestId: 'R1', payload: '{}', requestedAt: NOW })
      assert.isAbove(await tables.ids.next('processLog'), 0)
      await tables.processLogs.insertInProgress(connection.session, { ...RUN, prcid: 1 })
      const end = { prcid: 1, status: 'PC', now: NOW } as const
      assert.isTrue(await tables.processLogs.close(connection.session, end))
      assert.lengthOf(database.rows('select * from "DWPRCLOG"'), 1)
    })

    test('columns with a time zone hold the instant', async ({ assert }) => {
      const session = [`set timezone = 'Pacific/Auckland'`]
      const timezone = 'Europe/Berlin'
      const zoned = (legacy: LegacyDatabase) =>
        legacy.execute(
          `alter table DWPRCREQ alter CLAIMED_AT type timestamptz;
           alter table DWPRCLOG alter STRTDT type timestamptz`
        )
      const opened = await openWith(session, { timezone }, zoned)
      const { database, connection, tables, requests } = opened
      await requests.insertClaimed(connection.session, { ...REQUEST, claimedBy: 'n.1' })
      assert.containSubset(await requests.find(connection.session, 'R1'), { claimedAt: NOW })
      await tables.processLogs.insertInProgress(connection.session, { ...RUN, prcid: 1 })
      assert.containSubset(await tables.processLogs.find(connection.session, 1), { startedAt: NOW })
      const sql = `select extract(epoch from STRTDT) * 1000 as MS from DWPRCLOG`
      assert.equal(Number(database.rows(sql)[0].MS), NOW)
      await requests.insert(connection.session, { ...REQUEST, requestId: 'R2' })
      assert.isEmpty(await requests.claimBatch(connection.session, CLAIM))
    })

    test('payloads in columns for JSON are texts too', async ({ assert }) => {
      const { database, connection, requests } = await openWith([], {}, (legacy) =>
        legacy.execute(
          `alter table DWPRCREQ alter PAYLOAD type jsonb using PAYLOAD::jsonb,
             alter RESULT_PAYLOAD type json using RESULT_PAYLOAD::json`
        )
      )
      await requests.insert(connection.session, { ...REQUEST, payload: { params: { a: 'ü' } } })
      const [row] = await requests.claimBatch(connection.session, CLAIM)
      assert.deepEqual(JSON.parse(row.payload!), { params: { a: 'ü' } })
      const end = { ...CLAIM, requestId: 'R1', status: 'DONE', result: { ok: true } } as const
      assert.isTrue(await requests.finish(connection.session, end))
      assert.equal(database.rows(`select RESULT_PAYLOAD->>'ok' as OK from DWPRCREQ`)[0].OK, 'true')
    })

    test('a text with a character that the server refuses is stored without it', async ({
      assert,
    }) => {
      const { database, connection, tables } = await openSource()
      await tables.processLogs.insertInProgress(connection.session, { ...RUN, prcid: 1 })
      const end = { prcid: 1, status: 'FL', now: NOW, message: 'a\0b' } as const
      assert.isTrue(await tables.processLogs.close(connection.session, end))
      assert.equal(database.rows('select MSG from DWPRCLOG')[0].MSG, 'a\uFFFDb')
    })
  },
  ['postgres']
)

legacyGroup(
  'Plain SQL as the server writes it',
  (kind) => {
    test('question marks, quotes and comments of its own are no binds', async ({ assert }) => {
      const world = await createLegacyWorld()
      const logic = {
        sqlite: '',
        postgres: `do $do$ begin perform 1; /* why? */ end $do$; -- ?
          insert into LEDGER select :prcid, $t$it's ;?$t$, E'\\'?' || :param1`,
        mysql: `# it's why?
          insert into LEDGER select :prcid, "it's ;?", concat('\\'?', :param1) -- ?`,
      }[kind.name]
      world.database.insertFlow({ MAPREF: 'A', DWLOGIC: logic })
      world.database.insertRequest({
        REQUEST_ID: 'R1',
        MAPREF: 'A',
        PAYLOAD: '{"param1":"what?"}',
      })
      await world.node().run()
      assert.containSubset(world.request('R1'), { STATUS: 'DONE', result: { target_rows: 1 } })
      assert.containSubset(world.ledger()[0], { MAPREF: `it's ;?`, NOTE: `'?what?` })
    })
  },
  ['postgres', 'mysql']
)

legacyGroup(
  'Statements that commit by themselves',
  () => {
    const flow = (more: string) => `insert into LEDGER (NOTE) values ('before');
      truncate table LEDGER; insert into LEDGER (PRCID, MAPREF) values (:prcid, :mapref)${more}`

    test('make a flow that is not one with its logs, and ends well', async ({ assert }) => {
      const world = await createLegacyWorld()
      world.database.insertFlow({ MAPREF: 'A', DWLOGIC: flow('') })
      world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
      await world.node().run()
      assert.equal(world.request('R1').STATUS, 'DONE')
      assert.containSubset(world.request('R1').result, { target_rows: 2 })
      assert.deepEqual(
        world.ledger().map(({ MAPREF }) => MAPREF),
        ['A']
      )
    })

    test('undo what came after them when the flow fails', async ({ assert }) => {
      const world = await createLegacyWorld()
      world.database.execute(`insert into LEDGER (NOTE) values ('old')`)
      world.database.insertFlow({ MAPREF: 'A', DWLOGIC: flow('; insert into NOWHERE values (1)') })
      world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
      await world.node().run()
      assert.equal(world.request('R1').STATUS, 'FAILED')
      assert.equal(world.runs()[0].STATUS, 'FL')
      assert.isEmpty(world.ledger())
    })

    test('a fenced run leaves the row as the other hand wrote it', async ({ assert }) => {
      const world = await createLegacyWorld()
      const kill = `; update DWPRCLOG set STATUS = 'ST', MSG = 'by hand' where PRCID = :prcid`
      world.database.insertFlow({ MAPREF: 'A', DWLOGIC: flow(kill) })
      world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
      await world.node().run()
      assert.containSubset(world.runs()[0], { STATUS: 'ST', MSG: 'by hand' })
      assert.isEmpty(world.database.rows('select * from DWJOBLOG'))
      assert.containSubset(world.request('R1'), { STATUS: 'FAILED', result: { status: 'ST' } })
    })
  },
  ['mysql']
)
