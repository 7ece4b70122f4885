import { test } from '@japa/runner'
import { sessionIdOf } from '../../../src/legacy/claims.ts'
import { charactersThatFit } from '../../helpers/legacy_group.ts'
import { contractGroup } from './support.ts'

const BOUND = { handlers: [{ mapref: 'A', handler: 'load' }] }
const HOUR = 3_600_000
const wall = (instant: number) => new Date(instant).toISOString().replace('T', ' ').slice(0, 19)

contractGroup('A run', (open) => {
  test('has its DWPRCLOG row IP before the logic starts, for every program to see', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    database.insertFlow({ MAPREF: 'A', JOBFLWID: 70, JOBID: 7 })
    const seen = Promise.withResolvers<Record<string, unknown>>()
    const load = async () => seen.resolve(requester.runs('A')[0])
    const node = world.node({ source: BOUND, handlers: { load } })
    await requester.end(node, requester.ask('IMMEDIATE', 'A', { param1: 'x', param10: 'y' }))
    const row = await seen.promise
    assert.containSubset(row, { STATUS: 'IP', MAPREF: 'A', ENDDT: null, PARAM1: 'x', PARAM10: 'y' })
    assert.deepEqual([Number(row.JOBFLWID), Number(row.JOBID)], [70, 7])
    assert.equal(Number(row.SESSIONID), sessionIdOf(node.nodeId))
    assert.isNotNull(row.STRTDT)
  })

  test('that succeeds is PC with ENDDT, and has one DWJOBLOG row with its counts', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    database.insertFlow({ MAPREF: 'A', JOBID: 7 })
    const load = async () => ({ source_rows: 5, target_rows: 4, error_rows: 1 })
    const node = world.node({ source: BOUND, handlers: { load } })
    await requester.end(node, requester.ask('IMMEDIATE', 'A'))
    const [run] = requester.runs('A')
    assert.equal(run.STATUS, 'PC')
    assert.isNotNull(run.ENDDT)
    const logs = requester.table('DWJOBLOG', 'JOBLOGID')
    assert.lengthOf(logs, 1)
    const counts = ['SRCROWS', 'TRGROWS', 'ERRROWS', 'JOBID', 'PRCID'].map((key) =>
      Number(logs[0][key])
    )
    assert.deepEqual(counts, [5, 4, 1, 7, Number(run.PRCID)])
    assert.deepEqual([Number(run.SRCROWS), Number(run.TRGROWS)], [5, 4])
    assert.isEmpty(requester.table('DWJOBERR', 'JOBLOGID'))
  })

  test('whose logic wrote its own DWJOBLOG row gets no second one', async ({ assert }) => {
    const { world, requester, database } = open()
    const own = database.names.sql(
      `insert into DWJOBLOG (JOBLOGID, MAPREF, SRCROWS, PRCID) values (900, :mapref, 77, :prcid)`
    )
    database.insertFlow({ MAPREF: 'A', DWLOGIC: own })
    const { STATUS } = await requester.end(world.node(), requester.ask('IMMEDIATE', 'A'))
    assert.equal(STATUS, 'DONE')
    const logs = requester.table('DWJOBLOG', 'JOBLOGID')
    assert.deepEqual(
      logs.map(({ JOBLOGID, SRCROWS }) => [Number(JOBLOGID), Number(SRCROWS)]),
      [[900, 77]]
    )
  })

  test('that fails is FL with ENDDT and MSG cut to its column, and has a DWJOBERR row', async ({
    assert,
  }) => {
    const { world, requester, database, kind } = open()
    database.insertFlow({ MAPREF: 'A', JOBID: 7 })
    const load = () => {
      throw new Error('ü'.repeat(5_000))
    }
    const node = world.node({ source: BOUND, handlers: { load } })
    const request = await requester.end(node, requester.ask('IMMEDIATE', 'A'))
    assert.equal(request.STATUS, 'FAILED')
    const [run] = requester.runs('A')
    assert.equal(run.STATUS, 'FL')
    assert.isNotNull(run.ENDDT)
    assert.equal(run.MSG, 'ü'.repeat(charactersThatFit(kind, 400, 2)))
    const [error, ...more] = requester.table('DWJOBERR', 'JOBLOGID')
    assert.isEmpty(more)
    assert.containSubset(error, { MAPREF: 'A', ERRMSG: run.MSG })
    assert.equal(Number(error.PRCID), Number(run.PRCID))
    assert.isEmpty(requester.table('DWJOBLOG', 'JOBLOGID'))
  })

  test('runs the flow with CURFLG Y and STFLG A of its MAPREF, and no other', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    const note = (text: string) =>
      `insert into LEDGER (PRCID, MAPREF, NOTE) values (:prcid, :mapref, '${text}')`
    database.insertFlow({ MAPREF: 'A', DWLOGIC: note('replaced'), CURFLG: 'N' })
    database.insertFlow({ MAPREF: 'A', DWLOGIC: note('inactive'), STFLG: 'I' })
    database.insertFlow({ MAPREF: 'A', DWLOGIC: note('the one') })
    await requester.end(world.node(), requester.ask('IMMEDIATE', 'A'))
    assert.deepEqual(
      world.ledger().map(({ NOTE }) => NOTE),
      ['the one']
    )
  })

  test('takes its PRCID from the pool, block by block', async ({ assert }) => {
    const { world, requester, database } = open()
    world.ledgerFlow('A')
    database.setPool('DWPRCLOGSEQ', 5_000, 3)
    await requester.end(world.node(), requester.ask('IMMEDIATE', 'A'))
    assert.equal(Number(requester.runs('A')[0].PRCID), 5_001)
    const entity = database.names.sql('DWPRCLOGSEQ')
    const [{ CURRENT_VALUE }] = database.rows(
      'select * from DMS_IDPOOL where ENTITY_NAME = ?',
      entity
    )
    assert.isAtLeast(Number(CURRENT_VALUE), 5_003)
  })

  test('is the only one of its MAPREF while a row IP is younger than 24 hours', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    world.ledgerFlow('A')
    world.ledgerFlow('B')
    const began = (PRCID: number, MAPREF: string, hours: number) =>
      database.insert('DWPRCLOG', {
        PRCID,
        MAPREF,
        STATUS: 'IP',
        SESSIONID: 12,
        STRTDT: wall(Date.now() - hours * HOUR),
      })
    began(900_001, 'A', 23)
    began(900_002, 'B', 25)
    const blocked = requester.ask('IMMEDIATE', 'A')
    const free = requester.ask('IMMEDIATE', 'B')
    const node = world.node()
    await requester.end(node, free)
    assert.equal(requester.read(free).STATUS, 'DONE')
    assert.equal(requester.read(blocked).STATUS, 'NEW')
    database.execute("update DWPRCLOG set STATUS = 'PC' where PRCID = 900001")
    await world.clock.advance(5_000)
    await requester.end(node, blocked)
    assert.equal(requester.read(blocked).STATUS, 'DONE')
  })
})

contractGroup(
  'Ids from sequences',
  (open) => {
    test('are taken from the sequences of the preset', async ({ assert }) => {
      const { world, requester } = await open.apart((database) =>
        database.execute(
          `create sequence DWJOBSCHSEQ start with 11; create sequence DWPRCLOGSEQ start with 501;
           create sequence DWJOBLOGSEQ; create sequence DWJOBERRSEQ; drop table DMS_IDPOOL`
        )
      )
      world.ledgerFlow('A')
      const node = world.node({ source: { ids: { kind: 'sequence' } } })
      const { STATUS } = await requester.end(node, requester.ask('IMMEDIATE', 'A'))
      assert.equal(STATUS, 'DONE')
      assert.equal(Number(requester.runs('A')[0].PRCID), 501)
    })
  },
  ({ kind }) => kind !== 'sqlite'
)
