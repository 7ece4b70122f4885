import { test } from '@japa/runner'
import type { ConnectionConfig } from '@adonisjs/lucid/types/database'
import type { Clock } from '../../src/clock.ts'
import { E_INVALID_CONFIG, E_LEGACY_SCHEMA, E_LEGACY_TABLE } from '../../src/errors.ts'
import { isTransient, LegacyConnection } from '../../src/legacy/connection.ts'
import { tableDialect } from '../../src/legacy/tables/dialect.ts'
import type { LegacyClient } from '../../src/legacy/tables/client.ts'
import { openLegacyTables } from '../../src/legacy/tables/main.ts'
import { emptyParams } from '../../src/legacy/params.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { type LegacyDatabase } from '../helpers/legacy_database.ts'
import { legacyDatabase, legacySource, RecordingLogger, NOW, openSource } from './support.ts'

/** What opening says about tables that were changed before. */
async function refusal(
  change: (database: LegacyDatabase) => void,
  input: Parameters<typeof openSource>[0] = {}
): Promise<Error> {
  try {
    await openSource(input, change)
  } catch (error) {
    return error as Error
  }
  throw new Error('it was opened')
}

/** In upper case, as servers spell names and types differently. */
function spelled(text: string): string {
  return text
    .replace(/^.*?\bcolumn (\w+\.\w+)/, (found) => found.replace(/\w+\.\w+$/, upper))
    .replace(/^\w+\.\w+/, upper)
    .replace('CHARACTER(', 'CHAR(')
}

const upper = (name: string) => name.toUpperCase()

/** A clock whose timers fire at once. */
function instantClock(waited: (delay: number) => void): Clock {
  return {
    now: () => 0,
    nowOrNull: () => 0,
    monotonic: () => 0,
    timer(delay, callback) {
      waited(delay)
      queueMicrotask(callback)
      return { cancel: () => {} }
    },
  }
}

legacyGroup('Opening the legacy tables', (kind) => {
  test('the reference tables are complete', async ({ assert }) => {
    const { tables, logger } = await openSource()
    assert.deepEqual(tables.notes, [])
    assert.isNotNull(tables.requests)
    assert.deepEqual(logger.lines, [])
  })

  test('a missing table is named with its connection and the key that names it', async ({
    assert,
  }) => {
    const error = await refusal((database) => database.execute('drop table DWJOBFLW'))
    assert.instanceOf(error, E_LEGACY_SCHEMA)
    assert.equal(
      error.message,
      'Legacy source "dw": table DWJOBFLW does not exist on connection "warehouse": ' +
        'name it in legacy.sources.dw.tables.DWJOBFLW, or let its owner create it (database/legacy/dw.*.sql)'
    )
  })

  test('a missing column is named with what it should be and the key that renames it', async ({
    assert,
  }) => {
    const error = await refusal((database) =>
      database.execute('alter table DWPRCLOG rename column MSG to MSGE')
    )
    assert.deepEqual((error as InstanceType<typeof E_LEGACY_SCHEMA>).faults, [
      {
        table: 'DWPRCLOG',
        column: 'MSG',
        found: null,
        wanted: 'a text',
        remedy:
          'name the column that holds it in legacy.sources.dw.tables.DWPRCLOG.columns.MSG (did you mean "MSGE"?), or let the owner add it',
      },
    ])
  })

  test('a column of the owner that an insert has to name is told, with a remedy', async ({
    assert,
  }) => {
    const columns: Record<string, string> = {
      TENANT: 'integer not null',
      REGION: 'varchar(10) not null',
      OPEN_TO_NULL: 'varchar(10)',
      FILLED: `varchar(10) default 'x' not null`,
      ...(kind.name === 'postgres' && {
        COUNTED: 'integer generated always as identity',
        DOUBLED: 'bigint generated always as (PRCID * 2) stored',
      }),
      ...(kind.name === 'mysql' && { COUNTED: 'integer auto_increment unique' }),
    }
    const { tables, logger } = await openSource({}, (database) => {
      for (const name of ['DWPRCLOG', 'DWJOBFLW']) {
        const own = Object.entries(columns).filter(
          ([column]) => column !== 'DOUBLED' || name === 'DWPRCLOG'
        )
        // SQLite adds no such column to a table that is there
        if (kind.name === 'sqlite') {
          const [{ sql }] = database.rows<{ sql: string }>(
            `select sql from sqlite_master where name = '${name}'`
          )
          database.execute(`drop table ${name}`)
          const added = own.map(([column, type]) => `, ${column} ${type}`).join('')
          database.execute(sql.replace(/\)\s*$/, `${added})`))
        } else {
          for (const [column, type] of own) {
            database.execute(`alter table ${name} add ${column} ${type}`)
          }
        }
      }
    })
    const remedy =
      'takes no null and has no default: rows that are inserted here are refused, unless a trigger fills it; let the owner give it a default, or allow null'
    assert.deepEqual(tables.notes.map(spelled), [
      `DWPRCLOG.TENANT ${remedy}`,
      `DWPRCLOG.REGION ${remedy}`,
    ])
    assert.lengthOf(logger.lines, 2)
  })

  test('all that is missing is told at once, of every table', async ({ assert }) => {
    const error = await refusal((database) =>
      database.execute(
        `alter table DWJOBSCH drop column FRQMI; alter table DWJOBSCH drop column ENDDT;
         drop table DWJOBERR; alter table DWPRCREQ drop column PAYLOAD; drop table DMS_IDPOOL`
      )
    )
    const { faults } = error as InstanceType<typeof E_LEGACY_SCHEMA>
    assert.sameDeepMembers(
      faults.map(({ table, column }) => [table, column]),
      [
        ['DWJOBSCH', 'FRQMI'],
        ['DWJOBSCH', 'ENDDT'],
        ['DWJOBERR', null],
        ['DWPRCREQ', 'PAYLOAD'],
        ['DMS_IDPOOL', null],
      ]
    )
  })

  test('a column of the wrong type is named with what it is and what it should be', async ({
    assert,
  }) => {
    const types: [change: string, column: string, says: RegExp][] = [
      ['PRCID varchar(20)', 'DWPRCLOG.PRCID', /is \S.*\(20\), wanted a number: name another/],
      ['MAPREF integer', 'DWPRCLOG.MAPREF', /is INT\S*, wanted a text: .*columns\.MAPREF, or let/],
      ['STRTDT bigint', 'DWPRCLOG.STRTDT', /is BIGINT\S*, wanted a timestamp/],
      ['STATUS char(1)', 'DWPRCLOG.STATUS', /is CHAR\S*, wanted a text of at least 2 characters/],
    ]
    const error = await refusal((database) => {
      for (const [declaration] of types) {
        const [column] = declaration.split(' ')
        database.execute(`alter table DWPRCLOG rename column ${column} to OLD_${column}`)
        database.execute(`alter table DWPRCLOG add column ${declaration}`)
      }
    })
    assert.instanceOf(error, E_LEGACY_SCHEMA)
    for (const [, column, says] of types) {
      const line = error.message
        .split('; ')
        .find((each) => spelled(each).includes(`column ${column} `))
      assert.match(spelled(line ?? ''), says, error.message)
    }
  })

  test('an optional column of the wrong type is left alone, and told', async ({ assert }) => {
    const { tables, connection } = await openSource({}, (database) =>
      database.execute(
        `alter table DWPRCLOG drop column SRCROWS; alter table DWPRCLOG add column SRCROWS char(3)`
      )
    )
    assert.lengthOf(tables.notes, 1)
    assert.match(
      spelled(tables.notes[0]),
      /^DWPRCLOG\.SRCROWS is left alone: it is CHAR\S*\(3\), wanted/
    )
    const run = {
      jobid: 1,
      jobflwid: 1,
      mapref: 'A',
      sessionid: 1,
      params: emptyParams(),
      now: NOW,
    }
    await tables.processLogs.insertInProgress(connection.session, { ...run, prcid: 1 })
    const end = { prcid: 1, status: 'PC', now: NOW, sourceRows: 12_345 } as const
    assert.isTrue(await tables.processLogs.close(connection.session, end))
  })

  test('optional columns are not missed', async ({ assert }) => {
    const { tables, connection, database } = await openSource({}, (legacy) =>
      legacy.execute(
        `alter table DWPRCLOG drop column SRCROWS; alter table DWPRCLOG drop column TRGROWS;
         alter table DWJOBSCH drop column STFLG; alter table DWJOBSCH drop column LST_RUN_DT;
         alter table DWJOBSCH drop column NXT_RUN_DT`
      )
    )
    assert.deepEqual(tables.notes, [])
    assert.isFalse(tables.schedules.keepsRunTimes)
    database.insertRequest({ REQUEST_ID: 'a', MAPREF: 'A' })
    const claim = { claimedBy: 'n.00000000.1', limit: 1, now: NOW }
    assert.lengthOf(await tables.requests!.claimBatch(connection.session, claim), 1)
  })

  test('without a request table schedules run, and it says what is off', async ({ assert }) => {
    const { tables, logger } = await openSource({}, (database) =>
      database.execute('drop table DWPRCREQ')
    )
    assert.isNull(tables.requests)
    assert.lengthOf(tables.notes, 1)
    assert.match(tables.notes[0], /the slot guard are off: there is no table DWPRCREQ/)
    assert.match(logger.messages('warn')[0], /^Legacy source "dw": requests/)
  })

  test('a request table that config insists on must exist', async ({ assert }) => {
    const drop = (database: LegacyDatabase) => database.execute('drop table DWPRCREQ')
    const insisted = await refusal(drop, { requests: true })
    assert.match(insisted.message, /DWPRCREQ does not exist/)
    const renamed = await refusal(() => {}, { tables: { DWPRCREQ: 'MY_REQUESTS' } })
    assert.match(renamed.message, /table MY_REQUESTS does not exist/)
  })

  test('requests: false leaves the table alone', async ({ assert }) => {
    const { tables } = await openSource({ requests: false })
    assert.isNull(tables.requests)
    assert.match(tables.notes[0], /config says requests: false/)
  })

  test('the id pool must be there, with a row for every id that runs need', async ({ assert }) => {
    const gone = await refusal((database) => database.execute('drop table DMS_IDPOOL'))
    assert.match(gone.message, /DMS_IDPOOL does not exist .*sequences \(ids\.kind\)/)
    const empty = await refusal((database) =>
      database.execute("delete from DMS_IDPOOL where ENTITY_NAME = 'DWJOBLOGSEQ'")
    )
    assert.match(empty.message, /table DMS_IDPOOL has no row for ENTITY_NAME = "DWJOBLOGSEQ"/i)
  })

  test('sequences are refused where the database has none', async ({ assert }) => {
    const error = await refusal(() => {}, { ids: { kind: 'sequence' } })
    assert.instanceOf(error, E_LEGACY_TABLE)
    assert.match(
      error.message,
      /sqlite has none; set ids.kind to "pool"|does not exist as a sequence/
    )
  })

  test('a database that is away throws its own error', async ({ assert }) => {
    const database = await legacyDatabase()
    const away: Record<string, object> = {
      sqlite: { connection: { filename: `${database.file}/not/there` } },
      postgres: { connection: { host: '127.0.0.1', port: 1 } },
      mysql: { connection: { host: '127.0.0.1', port: 1 } },
    }
    const config = { ...database.place.config(), ...away[kind.name] } as ConnectionConfig
    const opening = openLegacyTables({
      connection: database.connection({ client: database.client({ config }) }),
      config: legacySource(),
      logger: new RecordingLogger(),
    })
    const error = await opening.catch((failure: unknown) => failure)
    assert.match((error as Error).message, /directory does not exist|ECONNREFUSED/)
    assert.isTrue(isTransient(error))
  })

  test('a database on which nothing was verified is refused', async ({ assert }) => {
    const client = { dialect: { name: 'mssql' } } as unknown as LegacyClient
    assert.throws(() => tableDialect(client, 'dw'), E_INVALID_CONFIG)
    assert.throws(() => tableDialect(client, 'dw'), /legacy\.sources\.dw\.connection.*SQLite/)
  })
})

test.group('Legacy tables on SQLite', () => {
  test('other names of tables and columns, in any case, are taken', async ({ assert }) => {
    const { database, tables, connection } = await openSource(
      {
        tables: {
          DWJOBFLW: 'flow_list',
          DWPRCREQ: { name: 'main.QUEUE_1', columns: { MAPREF: 'map$ref' } },
          DWPRCLOG: { columns: { MSG: 'REMARK' } },
        },
      },
      (legacy) => {
        legacy.execute(
          `alter table DWJOBFLW rename to FLOW_LIST;
           alter table DWPRCREQ rename to queue_1;
           alter table queue_1 rename column MAPREF to "Map$Ref";
           alter table DWPRCLOG rename column MSG to remark`
        )
      }
    )
    const { session } = connection
    database.insert('FLOW_LIST', { JOBFLWID: 1, MAPREF: 'A', CURFLG: 'Y', STFLG: 'A' })
    database.insert('queue_1', { 'REQUEST_ID': 'r', '"Map$Ref"': 'A', 'REQUEST_TYPE': 'IMMEDIATE' })

    assert.deepInclude(await tables.flows.active(session, 'A'), { kind: 'active' })
    const claim = { claimedBy: 'n.00000000.1', limit: 1, now: NOW }
    const [row] = await tables.requests!.claimBatch(session, claim)
    assert.equal(row.mapref, 'A')
    await tables.processLogs.insertInProgress(session, {
      prcid: 1,
      jobid: 1,
      jobflwid: 1,
      mapref: 'A',
      sessionid: 1,
      params: emptyParams(),
      now: NOW,
    })
    await tables.processLogs.close(session, { prcid: 1, status: 'PC', now: NOW, message: 'fine' })
    assert.deepEqual(database.rows('select REMARK as text from DWPRCLOG'), [{ text: 'fine' }])
    assert.deepInclude(await tables.processLogs.find(session, 1), { message: 'fine' })
  })

  test('lengths come from the declared types, then from the preset', async ({ assert }) => {
    const { database, tables, connection } = await openSource({}, (legacy) => {
      legacy.execute(
        `drop table DWPRCLOG;
         create table DWPRCLOG (PRCID integer primary key, JOBID, JOBFLWID, STRTDT, ENDDT, STATUS,
           MSG varchar2(5), PRCLOG text, SESSIONID, MAPREF,
           PARAM1 varchar(3), PARAM2, PARAM3 clob, PARAM4, PARAM5, PARAM6, PARAM7, PARAM8, PARAM9, PARAM10)`
      )
    })
    const { session } = connection
    const long = 'é'.repeat(3000)
    await tables.processLogs.insertInProgress(session, {
      prcid: 1,
      jobid: null,
      jobflwid: null,
      mapref: 'A',
      sessionid: 1,
      params: { ...emptyParams(), param1: long, param2: long, param3: long },
      now: NOW,
    })
    await tables.processLogs.close(session, {
      prcid: 1,
      status: 'PC',
      now: NOW,
      message: long,
      log: long,
    })
    const [row] = database.rows('select * from DWPRCLOG')
    assert.equal(row.MSG, 'éé', 'declared, in bytes')
    assert.equal(row.PRCLOG, long, 'a text has no length')
    assert.equal(row.PARAM1, 'é')
    assert.equal(row.PARAM2, 'é'.repeat(125), 'not declared: the preset, in bytes')
    assert.equal(row.PARAM3, long)
  })

  test('a busy database is waited for outside of the statement', async ({ assert }) => {
    const { database, tables } = await openSource()
    database.insertRequest({ REQUEST_ID: 'a', MAPREF: 'A' })
    const waits: number[] = []
    // The other writer ends while the process waits, which it can: nothing blocks it
    const connection = database.connection({
      clock: instantClock((delay) => {
        waits.push(delay)
        if (waits.length === 2) {
          database.execute('commit')
        }
      }),
    })
    await connection.session.client.rawQuery('PRAGMA busy_timeout = 1')
    database.execute('begin immediate')
    const rows = await tables.requests!.claimBatch(connection.session, {
      claimedBy: 'n.00000000.1',
      limit: 1,
      now: NOW,
    })
    assert.lengthOf(rows, 1)
    assert.deepEqual(waits, [10, 20])
  })
})

legacyGroup('Legacy connection', () => {
  test('now is the clock of the database', async ({ assert }) => {
    const { connection } = await openSource()
    assert.closeTo(await connection.now(), Date.now(), 5_000)
  })

  test('a transaction commits, and a throw undoes it', async ({ assert }) => {
    const { database, connection } = await openSource()
    const insert = (id: number) =>
      connection.transaction(async (session) => {
        assert.isTrue(session.inTransaction)
        await session.sql.query('insert into DWJOBLOG (JOBLOGID) values (?)', [id])
        await session.sql.query('update DWJOBLOG set PRCID = ? where JOBLOGID = ?', [5, id])
        if (id === 2) {
          throw new Error('no')
        }
        return id
      })
    assert.equal(await insert(1), 1)
    await assert.rejects(() => insert(2), 'no')
    assert.deepEqual(database.rows('select JOBLOGID, PRCID from DWJOBLOG'), [
      { JOBLOGID: 1, PRCID: 5 },
    ])
  })

  test('a transaction inside a transaction, or a query beside it, is refused at once', async ({
    assert,
  }) => {
    const { connection, tables } = await openSource()
    await connection.transaction(async () => {
      await assert.rejects(() => connection.transaction(async () => 1), /inside a transaction/)
      await assert.rejects(() => connection.now(), /inside a transaction/)
      await assert.rejects(() => tables.ids.next('processLog'), /inside a transaction/)
    })
    assert.isAbove(await connection.now(), 0)
  })

  test('what a transaction starts may go on after its end', async ({ assert }) => {
    const { connection } = await openSource()
    const gate = Promise.withResolvers<void>()
    let later: Promise<number> | undefined
    await connection.transaction(async () => {
      later = gate.promise.then(() => connection.now())
    })
    gate.resolve()
    assert.isAbove(await later!, 0)
  })

  test('a statement that fails otherwise is not repeated, and busy has an end', async ({
    assert,
  }) => {
    const database = await legacyDatabase()
    const busy = Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })
    const waits: number[] = []
    const connection = database.connection({ clock: instantClock((delay) => waits.push(delay)) })
    assert.instanceOf(connection, LegacyConnection)
    let tries = 0
    const failing = (error: Error) =>
      connection.session.run(async () => {
        tries++
        throw error
      })
    await assert.rejects(() => failing(busy), 'database is locked')
    assert.equal(tries, 8)
    assert.deepEqual(waits, [10, 20, 40, 80, 160, 320, 640])
    await assert.rejects(() => failing(new Error('wrong')), 'wrong')
    assert.equal(tries, 9)
  })
})
