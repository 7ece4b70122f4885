import { test } from '@japa/runner'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { NODE, openFacade, problemsOf } from '../helpers/legacy_facade.ts'
import { requestKey } from '../../src/legacy/request_births.ts'
import { createLegacyWorld } from '../helpers/legacy_world.ts'

const DAY = 86_400_000

legacyGroup('PKGDWPRC | requests', () => {
  test('each is a NEW row in DWPRCREQ, its id returned', async ({ assert }) => {
    const { pkgdwprc, database } = await openFacade()
    const ids = [
      await pkgdwprc.queueImmediateJob({
        mapref: 'LOAD_SALES',
        params: { param1: 'x', Param2: 2 },
      }),
      await pkgdwprc.queueHistoryJob({
        mapref: 'LOAD_SALES',
        startDate: '2026-01-01',
        endDate: '2026-01-31 23:00:00',
        truncate: 'Y',
      }),
      await pkgdwprc.queueHistoryJob({ mapref: 'LOAD_SALES' }),
      await pkgdwprc.queueReportRequest({ reportId: 17, payload: { from: '2026-01-01' } }),
      await pkgdwprc.queueStopRequest({ mapref: 'LOAD_SALES', startTime: '2026-03-01 06:00' }),
    ]
    const rows = ids.map((id) => {
      const [row] = database.rows<Record<string, string>>(
        'select * from DWPRCREQ where REQUEST_ID = ?',
        id
      )
      assert.equal(row.STATUS, 'NEW')
      return [row.REQUEST_TYPE, row.MAPREF, JSON.parse(row.PAYLOAD)]
    })
    assert.deepEqual(rows, [
      ['IMMEDIATE', 'LOAD_SALES', { params: { param1: 'x', Param2: 2 } }],
      [
        'HISTORY',
        'LOAD_SALES',
        { start_date: '2026-01-01', end_date: '2026-01-31', truncate_flag: 'Y' },
      ],
      ['HISTORY', 'LOAD_SALES', { truncate_flag: 'N' }],
      ['REPORT', 'REPORT:17', { from: '2026-01-01', reportId: '17' }],
      ['STOP', 'LOAD_SALES', { start_timestamp: '2026-03-01T06:00:00', force: 'N' }],
    ])
    assert.lengthOf(new Set(ids), ids.length)
  })

  test('processJobFlow waits for the end, which another process writes', async ({ assert }) => {
    const { pkgdwprc, database } = await openFacade()
    const waiting = pkgdwprc.processJobFlow({ mapref: 'LOAD_SALES' }, { wait: true })
    let id: string | undefined
    while (id === undefined) {
      await new Promise((resolve) => setImmediate(resolve))
      id = database.rows<{ REQUEST_ID: string }>('select * from DWPRCREQ')[0]?.REQUEST_ID
    }
    database.execute(
      "update DWPRCREQ set STATUS = 'DONE', RESULT_PAYLOAD = ? where REQUEST_ID = ?",
      '{"status":"PC"}',
      id
    )
    const answer = { requestId: id, status: 'DONE', result: { status: 'PC' } }
    assert.deepEqual(await waiting, answer)
  })

  test('a wait ends with its timeout, with its signal, and with the row', async ({ assert }) => {
    const { pkgdwprc, database } = await openFacade()
    const late = await pkgdwprc.processHistoricalData(
      { mapref: 'LOAD_SALES' },
      { wait: true, timeout: 1 }
    )
    assert.equal(late.status, 'NEW')
    assert.isNull(late.result)
    const aborted = await pkgdwprc.stopRunningJob(
      { mapref: 'LOAD_SALES' },
      { wait: true, signal: AbortSignal.abort() }
    )
    assert.equal(aborted.status, 'NEW')
    const gone = pkgdwprc.processJobFlow({ mapref: 'LOAD_SALES' }, { wait: true })
    while (database.rows("select * from DWPRCREQ where REQUEST_TYPE = 'IMMEDIATE'").length === 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    database.execute('delete from DWPRCREQ')
    const { status } = await gone
    assert.equal(status, 'GONE')
  })

  test('what is queued runs, and a stop is answered', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('LOAD')
    const node = world.node()
    const { pkgdwprc } = node.adapter
    const ran = await pkgdwprc.queueImmediateJob({ mapref: 'LOAD', params: { param1: 'hello' } })
    await node.run()
    assert.equal(world.request(ran).STATUS, 'DONE')
    assert.containSubset(world.ledger(), [{ MAPREF: 'LOAD', NOTE: 'hello' }])
    const stop = await pkgdwprc.queueStopRequest({ mapref: 'LOAD' })
    await node.run()
    assert.equal(world.request(stop).STATUS, 'DONE')
    assert.match(String(world.request(stop).result.message), /nothing of MAPREF "LOAD" runs/)
  })

  test('without a request table it says so', async ({ assert }) => {
    const { pkgdwprc, desk } = await openFacade({ requests: false })
    const expected = /table DWPRCREQ is not used/
    await assert.rejects(() => pkgdwprc.queueImmediateJob({ mapref: 'LOAD_SALES' }), expected)
    await assert.rejects(() => desk.list(), expected)
  })
})

legacyGroup('PKGDWPRC | createJobLog, logJobError', () => {
  test('note counts and errors of a run that exists', async ({ assert }) => {
    const { pkgdwprc, database } = await openFacade()
    const run = { PRCID: 41, JOBID: 7, MAPREF: 'LOAD_SALES', SESSIONID: 99, STATUS: 'IP' }
    database.insert('DWPRCLOG', run)
    const jobLogId = await pkgdwprc.createJobLog({ prcid: 41, sourceRows: 10, targetRows: 9 })
    const second = await pkgdwprc.createJobLog({ prcid: 41, errorRows: 1 })
    assert.notEqual(second, jobLogId)
    const [log] = database.rows('select * from DWJOBLOG order by JOBLOGID')
    const identity = { PRCID: 41, JOBID: 7, MAPREF: 'LOAD_SALES', SESSIONID: 99 }
    const counts = { SRCROWS: 10, TRGROWS: 9, ERRROWS: 0 }
    assert.containSubset(numbered(log), { JOBLOGID: jobLogId, ...identity, ...counts })
    const key = await pkgdwprc.logJobError({
      prcid: 41,
      message: 'm'.repeat(500),
      type: 'DATA',
      keyValue: 'ID=4',
    })
    const [error] = database.rows('select * from DWJOBERR')
    assert.containSubset(numbered(error), {
      JOBLOGID: key.jobLogId,
      ERRID: key.errorId,
      ...identity,
      ERRTYP: 'DATA',
      ERRMSG: 'm'.repeat(400),
      KEYVALUE: 'ID=4',
      DBERRMSG: null,
    })
    const none = await problemsOf(() => pkgdwprc.createJobLog({ prcid: 42, sourceRows: -1 }))
    assert.sameMembers(Object.keys(none), ['prcid', 'sourceRows'])
  })
})

legacyGroup('The request desk', () => {
  const CLAIMS = {
    live: 'n1.00000002.1',
    dead: 'n1.00000003.1',
    foreign: 'java-17',
    stale: 'java-9',
  }

  async function claimed() {
    const world = await openFacade()
    const { database, connection, state } = world
    state.nodes = [NODE, 'n1.00000002']
    const at = (instant: number) => connection.wallClock.render(instant)
    const now = await connection.now()
    for (const [owner, claim] of Object.entries(CLAIMS)) {
      const CLAIMED_AT = at(now - (owner === 'stale' ? 2 * DAY : 60_000))
      const row = { CLAIMED_BY: claim, CLAIMED_AT, REQUESTED_AT: CLAIMED_AT }
      database.insertRequest({ REQUEST_ID: owner, MAPREF: owner, STATUS: 'CLAIMED', ...row })
    }
    const status = (id: string) =>
      database.rows<{ STATUS: string }>('select STATUS from DWPRCREQ where REQUEST_ID = ?', id)[0]
        .STATUS
    return { ...world, status, at, now }
  }

  test('lists rows with their age and owner, newest first', async ({ assert }) => {
    const { desk, database, at, now } = await claimed()
    database.insertRequest({
      REQUEST_ID: 'failed',
      MAPREF: 'M',
      STATUS: 'FAILED',
      REQUESTED_AT: at(now),
    })
    const rows = await desk.list()
    assert.equal(rows[0].requestId, 'failed')
    assert.equal(rows.at(-1)!.requestId, 'stale')
    assert.approximately(rows.at(-1)!.age!, 2 * DAY, 60_000)
    const owners = Object.fromEntries(rows.map(({ requestId, owner }) => [requestId, owner]))
    assert.deepEqual(owners, {
      live: 'live',
      dead: 'dead',
      foreign: 'foreign',
      stale: 'stale',
      failed: null,
    })
    const few = await desk.list({ status: 'claimed', limit: 1 })
    assert.lengthOf(few, 1)
    const one = await desk.list({ mapref: 'M', type: 'immediate' })
    assert.deepEqual(one[0].requestId, 'failed')
    const wrong = await problemsOf(() => desk.list({ status: 'LOST', limit: 0 }))
    assert.sameMembers(Object.keys(wrong), ['status', 'limit'])
  })

  test('release never touches what somebody may work on, without force', async ({ assert }) => {
    const { desk, status, open } = await claimed()
    await assert.rejects(() => desk.release('live'), /lives and works on it; force releases it/)
    await assert.rejects(() => desk.release('foreign'), /another program claimed it/)
    open.set(requestKey('dw', 'dead', CLAIMS.dead), 'e1')
    await assert.rejects(() => desk.release('dead'), /its execution e1 is running/)
    for (const id of ['live', 'foreign', 'dead']) {
      assert.equal(status(id), 'CLAIMED')
    }
    open.clear()
    await desk.release('dead')
    await desk.release('stale')
    await desk.release('live', { force: true })
    await desk.release('foreign', { force: true })
    for (const id of Object.keys(CLAIMS)) {
      assert.equal(status(id), 'NEW')
    }
    await assert.rejects(() => desk.release('dead'), /it is NEW; only a CLAIMED one/)
    await assert.rejects(() => desk.release('nobody'), /there is no such request/)
  })

  test('a claim that changes between the look and the write is left alone', async ({ assert }) => {
    const { desk, database, deps, status } = await claimed()
    deps.scheduler.executions.findByDedupeKey = async () => {
      database.execute("update DWPRCREQ set CLAIMED_BY = 'java-18' where REQUEST_ID = 'dead'")
      return null
    }
    await assert.rejects(() => desk.release('dead'), /another program changed it meanwhile/)
    assert.equal(status('dead'), 'CLAIMED')
  })

  test('retries what FAILED, under its own id, and nothing else', async ({ assert }) => {
    const { desk, database, status } = await claimed()
    const failed = { STATUS: 'FAILED', CLAIMED_BY: 'x', RESULT_PAYLOAD: '{"message":"bad"}' }
    database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'M', ...failed })
    database.insertRequest({ REQUEST_ID: 'S:1:202601010000', MAPREF: 'M', ...failed })
    database.insertRequest({ REQUEST_ID: 'D:1:2', MAPREF: 'M', ...failed })
    await desk.retry('R1')
    await desk.retry('D:1:2')
    assert.equal(status('R1'), 'NEW')
    const shown = await desk.show('R1')
    assert.containSubset(shown, {
      claimedBy: null,
      completedAt: null,
      result: failed.RESULT_PAYLOAD,
    })
    await assert.rejects(() => desk.retry('R1'), /it is NEW; only a FAILED one/)
    await assert.rejects(() => desk.retry('S:1:202601010000'), /never queued; run its MAPREF/)
    assert.equal(status('S:1:202601010000'), 'FAILED')
  })

  test('sums the queue up', async ({ assert }) => {
    const { desk, database } = await claimed()
    database.insertRequest({ MAPREF: 'M', STATUS: 'QUEUED' })
    database.insert('DWPRCLOG', { PRCID: 1, MAPREF: 'A', STATUS: 'PC' })
    database.insert('DWPRCLOG', { PRCID: 2, MAPREF: 'B', STATUS: 'IP' })
    const { recent, ...rest } = await desk.summary()
    assert.deepEqual(rest, {
      total: 5,
      counts: { NEW: 0, CLAIMED: 4, DONE: 0, FAILED: 0, QUEUED: 1 },
      stuck: 2,
    })
    assert.deepEqual(
      recent.map(({ prcid }) => prcid),
      [2, 1]
    )
  })
})

/** Servers answer big numbers as texts. */
function numbered(row: Record<string, unknown>): Record<string, unknown> {
  const isNumber = (value: unknown) => typeof value === 'string' && /^\d+$/.test(value)
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, isNumber(value) ? Number(value) : value])
  )
}
