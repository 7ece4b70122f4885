import { test } from '@japa/runner'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { createLegacyWorld } from '../helpers/legacy_world.ts'

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
