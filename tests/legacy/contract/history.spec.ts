import { test } from '@japa/runner'
import { ManualClock } from '../../../src/testing/manual_clock.ts'
import type { HandlerContext } from '../../../src/types/handlers.ts'
import { Gate, type LegacyWorld } from '../../helpers/legacy_world.ts'
import { dieAt } from '../dying.ts'
import { contractGroup, type Contract } from './support.ts'

const JANUARY = { start_date: '2026-01-01', end_date: '2026-01-05' }
const HISTORY = 'LOAD_SALES'
/** Fails on the days whose rows are in the table BAD. */
const PICKY = `insert into LEDGER (PRCID, MAPREF, NOTE)
  select :prcid, :mapref, case when exists (select 1 from BAD where DAY = :param1) then null else :param1 end from ONE`

/** What the ledger and the log say of the days, in the order of their runs. */
function daysOf(world: LegacyWorld, requester: Contract['requester']) {
  return {
    ledger: world.ledger().map(({ NOTE }) => NOTE),
    log: requester.runs(HISTORY).map(({ STATUS, PARAM1 }) => `${STATUS} ${PARAM1}`),
  }
}

/** A flow that fails on chosen days: the ledger refuses an empty note. */
async function picky(open: { apart(): Promise<Contract> }, bad: string[]) {
  const contract = await open.apart()
  const { database } = contract
  database.execute('create table BAD (DAY varchar(20))')
  database.execute('create table ONE (N integer)')
  database.execute('insert into ONE values (1)')
  database.execute('drop table LEDGER')
  const columns = 'PRCID bigint, MAPREF varchar(100), NOTE varchar(250) not null'
  database.execute(`create table LEDGER (${columns})`)
  bad.forEach((day) => database.execute('insert into BAD values (?)', day))
  database.insertFlow({ MAPREF: HISTORY, DWLOGIC: PICKY })
  return contract
}

contractGroup('HISTORY', (open) => {
  test('runs the flow once per day, in order, param1 being the day, each with its own DWPRCLOG row', async ({
    assert,
  }) => {
    const { world, requester } = open()
    world.ledgerFlow(HISTORY)
    const id = requester.ask('HISTORY', HISTORY, { ...JANUARY, truncate_flag: 'N' })
    const { STATUS, result } = await requester.end(world.node(), id)

    assert.equal(STATUS, 'DONE')
    const days = ['01', '02', '03', '04', '05'].map((day) => `${day}-Jan-2026`)
    assert.deepEqual(daysOf(world, requester), {
      ledger: days,
      log: days.map((day) => `PC ${day}`),
    })
    const counts = requester.table('DWJOBLOG', 'PRCID')
    assert.lengthOf(counts, 5)
    assert.equal(new Set(counts.map(({ PRCID }) => PRCID)).size, 5)
    assert.containSubset(result, { status: 'PC', target_rows: 5 })
    assert.containSubset(result.history, { days: 5, complete: 5, failed: [] })
  })

  test('begins with the day of DWPARAMS and ends with yesterday when neither is given', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    world.ledgerFlow(HISTORY)
    const [today] = database.rows<{ D: string }>(
      world.database.place.kind === 'sqlite'
        ? `select date('now') as D`
        : world.database.place.kind === 'postgres'
          ? `select to_char(now() at time zone 'UTC', 'YYYY-MM-DD') as D`
          : `select date_format(utc_timestamp(), '%Y-%m-%d') as D`
    )
    const midnight = Date.parse(`${String(Object.values(today)[0])}T00:00:00Z`)
    const written = (days: number) =>
      new Intl.DateTimeFormat('en-GB', {
        ...{ day: '2-digit', month: 'short', year: 'numeric', timeZone: 'UTC' },
      })
        .format(midnight - days * 86_400_000)
        .replace('Sept', 'Sep')
        .replaceAll(' ', '-')
    database.insert('DWPARAMS', { PRTYP: 'HIST_LOAD', PRCD: 'DWT_PARAM1', PRVAL: written(3) })
    const id = requester.ask('HISTORY', HISTORY, { truncate_flag: 'N' })
    await requester.end(world.node(), id)
    assert.deepEqual(daysOf(world, requester).ledger, [written(3), written(2), written(1)])
  })

  test('says what is missing when DWPARAMS has no first day', async ({ assert }) => {
    const { world, requester } = open()
    world.ledgerFlow(HISTORY)
    const id = requester.ask('HISTORY', HISTORY, {})
    const { STATUS, result } = await requester.end(world.node(), id)
    assert.equal(STATUS, 'FAILED')
    assert.match(
      String(result.message),
      /no start_date.*DWPARAMS HIST_LOAD, DWT_PARAM1.*has no value/
    )
  })

  test('truncates the target that DWMAPR names before the first day, once', async ({ assert }) => {
    const { database, world, requester } = await picky(open, ['03-Jan-2026'])
    database.execute('create table OLD_SALES (N integer)')
    database.execute('insert into OLD_SALES values (1)')
    database.insert('DWMAPR', { MAPREF: HISTORY, TRGSCHM: null, TRGTBNM: 'OLD_SALES' })
    const id = requester.ask('HISTORY', HISTORY, { ...JANUARY, truncate_flag: 'Y' })
    const first = await requester.end(world.node(), id)
    assert.equal(first.STATUS, 'FAILED')
    assert.containSubset(first.result.history, { truncate: 'truncated', complete: 2 })
    assert.isEmpty(database.rows('select * from OLD_SALES'))

    database.execute('insert into OLD_SALES values (2)')
    database.execute('delete from BAD')
    database.execute(`update DWPRCREQ set STATUS = 'NEW' where REQUEST_ID = ?`, id)
    const second = await requester.end(world.node(), id)
    assert.equal(second.STATUS, 'DONE')
    assert.lengthOf(database.rows('select * from OLD_SALES'), 1)
  })

  test('stops at the first day that fails and names it; the same request goes on from there', async ({
    assert,
  }) => {
    const { database, world, requester } = await picky(open, ['03-Jan-2026'])
    const id = requester.ask('HISTORY', HISTORY, JANUARY)
    const node = world.node()
    const { STATUS, result } = await requester.end(node, id)
    assert.equal(STATUS, 'FAILED')
    assert.match(
      String(result.message),
      /day 2026-01-03 \(run \d+\) failed: .*2 of 5 days are complete/s
    )
    assert.deepEqual(daysOf(world, requester).ledger, ['01-Jan-2026', '02-Jan-2026'])
    assert.lengthOf(requester.table('DWJOBERR', 'PRCID'), 1)

    database.execute('delete from BAD')
    await node.adapter.requests.retry(id)
    const again = await requester.end(node, id)
    assert.equal(again.STATUS, 'DONE')
    assert.containSubset(again.result.history, { complete: 5, failed: [] })
    const { ledger, log } = daysOf(world, requester)
    assert.deepEqual(
      ledger.map((day) => Number(day!.slice(0, 2))),
      [1, 2, 3, 4, 5]
    )
    assert.lengthOf(
      log.filter((run) => run.startsWith('PC')),
      5
    )
  })

  test('with on_error "continue" runs all days and ends FAILED with the list of those that failed', async ({
    assert,
  }) => {
    const { database, world, requester } = await picky(open, ['02-Jan-2026', '04-Jan-2026'])
    const id = requester.ask('HISTORY', HISTORY, { ...JANUARY, on_error: 'continue' })
    const node = world.node()
    const { STATUS, result } = await requester.end(node, id)
    assert.equal(STATUS, 'FAILED')
    assert.match(String(result.message), /2 days failed: 2026-01-02, 2026-01-04; 3 of 5 days/)
    database.execute('delete from BAD')
    await node.adapter.requests.retry(id)
    const again = await requester.end(node, id)
    assert.equal(again.STATUS, 'DONE')
    assert.deepEqual(
      world.ledger().map(({ NOTE }) => Number(NOTE!.slice(0, 2))),
      [1, 3, 5, 2, 4]
    )
  })

  test('queues the children of its MAPREF once, after the last day', async ({ assert }) => {
    const { database, world, requester } = open()
    world.ledgerFlow(HISTORY)
    database.insertSchedule({ JOBSCHID: 7, MAPREF: HISTORY })
    database.insertSchedule({ JOBSCHID: 8, MAPREF: 'CHILD', DPND_JOBSCHID: 7 })
    const id = requester.ask('HISTORY', HISTORY, JANUARY)
    const { STATUS, result } = await requester.end(world.node(), id)
    assert.equal(STATUS, 'DONE')
    const children = requester
      .table('DWPRCREQ', 'REQUEST_ID')
      .filter((row) => row.MAPREF === 'CHILD')
    assert.lengthOf(children, 1)
    assert.deepEqual(result.children, [String(children[0].REQUEST_ID)])
  })

  test('lets no other run of its MAPREF slip in between two days', async ({ assert }) => {
    const { database, world, requester } = open()
    database.insertFlow({ MAPREF: HISTORY })
    const seen: (string | null)[] = []
    const node = world.node({
      source: { handlers: [{ mapref: HISTORY, handler: 'sales' }] },
      handlers: {
        sales: async ({ payload }) => {
          seen.push(payload.params.param1)
          if (seen.length === 1) {
            requester.ask('IMMEDIATE', HISTORY, { param1: 'other' }, { REQUEST_ID: 'OTHER' })
            await node.sources[0].pull({ count: 5, run: async () => [] })
          }
        },
      },
    })
    const id = requester.ask('HISTORY', HISTORY, JANUARY)
    await requester.end(node, id)
    await requester.end(node, 'OTHER')
    assert.lengthOf(seen, 6)
    assert.equal(seen.at(-1), 'other')
  })

  test('tells its progress in RESULT_PAYLOAD while it goes', async ({ assert }) => {
    const { database, world, requester } = open()
    database.insertFlow({ MAPREF: HISTORY })
    const told: unknown[] = []
    const node = world.node({
      source: { handlers: [{ mapref: HISTORY, handler: 'sales' }] },
      handlers: {
        sales: async () => {
          const { STATUS, result } = requester.read('H')
          told.push([STATUS, result.status, result.history])
        },
      },
    })
    requester.ask('HISTORY', HISTORY, JANUARY, { REQUEST_ID: 'H' })
    await requester.end(node, 'H')
    assert.lengthOf(told, 5)
    assert.containSubset(told[2], ['CLAIMED', 'IP', { day: '2026-01-03', complete: 2, days: 5 }])
  })

  test('STOP ends the day that runs as ST, and the request says where', async ({ assert }) => {
    const { database, world, requester } = open()
    database.insertFlow({ MAPREF: HISTORY })
    const gate = new Gate()
    let runs = 0
    const node = world.node({
      source: { handlers: [{ mapref: HISTORY, handler: 'sales' }] },
      handlers: { sales: (context) => (++runs === 2 ? gate.handle(context) : null) },
    })
    const id = requester.ask('HISTORY', HISTORY, JANUARY)
    const working = node.run()
    const { signal } = await gate.called
    requester.ask('STOP', HISTORY, {}, { REQUEST_ID: 'STOP' })
    await node.sources[0].control!()
    await world.clock.advance(60_000)
    assert.isTrue(signal.aborted)
    gate.fail(new Error('aborted'))
    await working
    const { STATUS, result } = requester.read(id)
    assert.equal(STATUS, 'FAILED')
    assert.equal(result.status, 'ST')
    assert.match(String(result.message), /stopped on day 2026-01-02.*1 of 5 days are complete/)
    assert.deepEqual(daysOf(world, requester).log, ['PC 01-Jan-2026', 'ST 02-Jan-2026'])
    assert.equal(requester.read('STOP').STATUS, 'DONE')
  })
})

contractGroup(
  'HISTORY | crash',
  (open) => {
    test('of a node that died {moment} goes on elsewhere, and no day is loaded twice')
      .with([{ moment: 'onTransaction' }, { moment: 'onCommit' }] as const)
      .run(async ({ assert }, { moment }) => {
        const days = ['01-Jan-2026', '02-Jan-2026', '03-Jan-2026']
        let died = true
        for (let nth = 1; died; nth++) {
          const { world, requester } = open()
          world.ledgerFlow(HISTORY)
          const range = { start_date: '2026-01-01', end_date: '2026-01-03' }
          const id = requester.ask('HISTORY', HISTORY, range)
          const dead = world.node({ name: 'dead', clock: new ManualClock(world.clock.now()) })
          died = await dieAt(dead, moment, nth)
          if (died) {
            const heir = world.node({ name: 'heir' })
            await heir.adapter.recover()
            dead.leave()
            await world.rescue()
            await heir.adapter.recover()
            await requester.end(heir, id)
          }
          const { STATUS, result } = requester.read(id)
          assert.equal(STATUS, 'DONE', `${moment} ${nth}`)
          assert.containSubset(result.history, { complete: 3, failed: [] })
          const { ledger, log } = daysOf(world, requester)
          assert.deepEqual(ledger, days, `${moment} ${nth}`)
          const complete = log.filter((run) => run.startsWith('PC'))
          assert.deepEqual(
            complete,
            days.map((day) => `PC ${day}`)
          )
          assert.isEmpty(log.filter((run) => run.startsWith('IP')))
        }
      })

    test('whose node died in a flow that may not run twice ends FAILED, naming the day', async ({
      assert,
    }) => {
      const { database, world, requester } = open()
      database.insertFlow({ MAPREF: HISTORY })
      const gate = new Gate()
      const source = { handlers: [{ mapref: HISTORY, handler: 'sales' }] }
      const clock = new ManualClock(world.clock.now())
      const dead = world.node({ source, clock, name: 'dead', handlers: { sales: gate.handle } })
      const id = requester.ask('HISTORY', HISTORY, JANUARY)
      void dead.run()
      await gate.called
      const seen: string[] = []
      const sales = async ({ payload }: HandlerContext<{ params: Record<string, string> }>) =>
        void seen.push(payload.params.param1)
      const heir = world.node({ source, name: 'heir', handlers: { sales } })
      await heir.adapter.recover()
      dead.leave()
      await world.rescue()
      const { STATUS, result } = await requester.end(heir, id)
      assert.equal(STATUS, 'FAILED')
      assert.match(String(result.message), /day 2026-01-01 .*node lost; .*not declared idempotent/)
      assert.isEmpty(seen)
      assert.deepEqual(daysOf(world, requester).log, ['FL 01-Jan-2026'])
      await heir.adapter.requests.retry(id)
      const again = await requester.end(heir, id)
      assert.equal(again.STATUS, 'DONE')
      assert.lengthOf(seen, 5)
    })
  },
  ({ generation }) => generation === 'dw'
)

contractGroup('HISTORY | refused', (open) => {
  test('what it cannot load: {payload}')
    .with([
      { payload: { start_date: '2026-13-01' }, reason: /start_date "2026-13-01" is not a date/ },
      {
        payload: { ...JANUARY, end_date: '2025-01-01' },
        reason: /last day, 2025-01-01, lies before/,
      },
      { payload: { ...JANUARY, start_date: '0206-01-01' }, reason: /more than the 36525/ },
      {
        payload: { ...JANUARY, truncate_flag: 'maybe' },
        reason: /truncate_flag "maybe" is neither/,
      },
      { payload: { ...JANUARY, on_error: 'ignore' }, reason: /on_error "ignore" is neither/ },
      { payload: { ...JANUARY, params: [1] }, reason: /PAYLOAD.params \[1\] is not an object/ },
    ])
    .run(async ({ assert }, { payload, reason }) => {
      const { world, requester } = open()
      world.ledgerFlow(HISTORY)
      const id = requester.ask('HISTORY', HISTORY, payload)
      const { STATUS, result } = await requester.end(world.node(), id)
      assert.equal(STATUS, 'FAILED')
      assert.match(String(result.message), reason)
      assert.isEmpty(requester.runs(HISTORY))
    })

  test('a truncate of two targets, of which nobody says which is meant', async ({ assert }) => {
    const { world, requester, database } = await open.apart((own) => {
      own.execute('drop table DWMAPR')
      own.execute('create table DWMAPR (MAPREF varchar(100), TRGTBNM varchar(100))')
    })
    world.ledgerFlow(HISTORY)
    database.insert('LEDGER', { PRCID: 0, MAPREF: 'kept' })
    for (const TRGTBNM of ['LEDGER', 'OTHER']) {
      database.insert('DWMAPR', { MAPREF: HISTORY, TRGTBNM })
    }
    database.insert('DWJOB', { JOBID: 1, MAPREF: HISTORY, TRGTBNM: 'LEDGER' })
    const id = requester.ask('HISTORY', HISTORY, { ...JANUARY, truncate_flag: 'Y' })
    const { STATUS, result } = await requester.end(world.node(), id)
    assert.equal(STATUS, 'FAILED')
    assert.match(String(result.message), /several targets \(TRGTBNM\) are named for it/)
    assert.lengthOf(world.ledger(), 1)
  })

  test('a truncate of {target}')
    .with([
      { target: null, reason: /neither .*MAPR nor .*JOB names a target/ },
      { target: 'SALES; drop table LEDGER', reason: /no plain name/ },
      { target: 'NOWHERE', reason: /"NOWHERE" does not exist/ },
      { target: 'DWPRCLOG', reason: /a table of the scheduler itself/ },
      { target: 'ALMANAC_EVENTS', reason: /a table of the scheduler itself/ },
    ])
    .run(async ({ assert }, { target, reason }) => {
      const { world, requester, database } = open()
      world.ledgerFlow(HISTORY)
      const own = target === 'DWPRCLOG' ? database.names.sql(target) : target
      database.insert('DWMAPR', { MAPREF: HISTORY, TRGTBNM: own })
      const id = requester.ask('HISTORY', HISTORY, { ...JANUARY, truncate_flag: 'Y' })
      const { STATUS, result } = await requester.end(world.node(), id)
      assert.equal(STATUS, 'FAILED')
      assert.match(String(result.message), reason)
      assert.isEmpty(requester.runs(HISTORY))
    })
})
