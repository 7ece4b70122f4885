import { test } from '@japa/runner'
import { createLegacyWorld } from '../helpers/legacy_world.ts'

test.group('Write-back', () => {
  test('is all or nothing', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    world.database.insertSchedule({ JOBSCHID: 2, MAPREF: 'B', DPND_JOBSCHID: 1 })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    world.database.execute(
      `create trigger NO_CHILD before insert on DWPRCREQ when new.MAPREF = 'B' begin select raise(abort, 'no child'); end`
    )
    await world.node().run()
    const [run] = world.runs()
    assert.equal(run.STATUS, 'FL')
    assert.match(run.MSG!, /no child/)
    assert.isEmpty(world.ledger())
    assert.isEmpty(world.database.rows('select * from DWJOBLOG'))
    assert.lengthOf(world.database.rows('select * from DWJOBERR'), 1)
    assert.equal(world.request('R1').STATUS, 'FAILED')
  })

  test('of a request that another program changed meanwhile warns and stands', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A', `; update DWPRCREQ set STATUS = 'FAILED' where REQUEST_ID = 'R1'`)
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    await node.run()
    assert.equal(world.runs()[0].STATUS, 'PC')
    assert.equal(world.request('R1').STATUS, 'FAILED')
    assert.isTrue(node.logger.messages('warn').some((text) => /was changed by another/.test(text)))
  })

  test('cuts a message at a code-point border', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const fail = () => {
      throw new Error(`x${'😀'.repeat(3_000)}`)
    }
    const handlers = [{ mapref: 'A', handler: 'fail' }]
    await world.node({ handlers: { fail }, source: { handlers } }).run()
    const message = String(world.request('R1').result.message)
    assert.isTrue(message.isWellFormed())
    assert.lengthOf([...message], 2_000)
    assert.isTrue(world.runs()[0].MSG!.endsWith('😀'))
  })

  test('writes one row of counts, with the session and the job of the flow', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ JOBFLWID: 44, JOBID: 33, MAPREF: 'A', DWLOGIC: 'select 1' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    await world.node().run()
    const [run] = world.runs()
    assert.containSubset(run, { JOBID: 33, JOBFLWID: 44 })
    const logs = world.database.rows('select * from DWJOBLOG')
    assert.lengthOf(logs, 1)
    assert.containSubset(logs[0], { PRCID: run.PRCID, JOBID: 33, SESSIONID: run.SESSIONID })
  })

  test('leaves a schedule alone that cannot be read, and one that is disabled', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    for (const mapref of ['BAD', 'OFF', 'NONE']) {
      world.ledgerFlow(mapref)
      world.database.insertRequest({ REQUEST_ID: mapref, MAPREF: mapref })
    }
    world.database.insertSchedule({ MAPREF: 'BAD', FRQCD: 'XX' })
    world.database.insertSchedule({ MAPREF: 'OFF', SCHFLG: 'N', NXT_RUN_DT: '2026-01-01 00:00:00' })
    await world.node().run()
    const times = world.database.rows(
      'select MAPREF, LST_RUN_DT is not null as LAST, NXT_RUN_DT from DWJOBSCH order by MAPREF'
    )
    assert.deepEqual(times, [
      { MAPREF: 'BAD', LAST: 1, NXT_RUN_DT: null },
      { MAPREF: 'OFF', LAST: 1, NXT_RUN_DT: null },
    ])
    assert.isTrue(world.requests().every(({ STATUS }) => STATUS === 'DONE'))
  })

  test('does without the run times where the columns do not exist', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.execute(
      'alter table DWJOBSCH drop column LST_RUN_DT; alter table DWJOBSCH drop column NXT_RUN_DT'
    )
    world.ledgerFlow('A')
    world.database.insertSchedule({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    await world.node().run()
    assert.equal(world.request('R1').STATUS, 'DONE')
  })
})
