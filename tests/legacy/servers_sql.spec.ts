import { test } from '@japa/runner'
import { SqlRunner } from '../../src/legacy/engine/runners/sql_runner.ts'
import { checkSession, readSelects } from '../../src/legacy/reports/selects.ts'
import { Refusal } from '../../src/legacy/request_fields.ts'
import { legacyDriver } from '../helpers/legacy_database.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { createLegacyWorld } from '../helpers/legacy_world.ts'
import { inputFor } from './runner_input.ts'

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
  'Quotes under another sql_mode',
  () => {
    const hidden = String.raw`insert into LEDGER (NOTE) values ('a\'); delete from LEDGER; -- ')`
    const plain = String.raw`insert into LEDGER (NOTE) values ('c:\temp', "it's")`

    test('a flow is refused that the session would cut elsewhere: {sql}')
      .with([
        { sql: hidden, mode: 'NO_BACKSLASH_ESCAPES', refused: /NO_BACKSLASH_ESCAPES.*write ''/ },
        { sql: `set sql_mode = ''; ${hidden}`, mode: '', refused: /sql_mode is set: write ''/ },
        { sql: hidden, mode: '', refused: null },
        {
          sql: plain.replace(`, "it's"`, ''),
          mode: 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES',
          refused: null,
        },
      ])
      .run(async ({ assert }, { sql, mode, refused }) => {
        const { database } = await createLegacyWorld()
        const session = legacyDriver.sessionOf(database.client())
        const work = session.transaction(async (own) => {
          await own.query(`set session sql_mode = '${mode}'`)
          try {
            const { input } = inputFor(sql, { session: own })
            return await new SqlRunner().run(input)
          } finally {
            await own.query('set session sql_mode = default')
          }
        })
        if (refused) {
          await assert.rejects(() => work, refused)
        } else {
          const { targetRows } = await work
          assert.equal(targetRows, 1)
        }
      })

    test('so is a report', async ({ assert }) => {
      const { database } = await createLegacyWorld()
      const batches = async function* () {
        yield [[1]]
      }
      const reader = { select: async () => ({ columns: [], batches: batches() }) }
      const selects = readSelects(String.raw`select 'a\' union select 1 -- '`, {}, 'mysql')
      const refused = await checkSession(selects, 'mysql', reader).catch((error: unknown) => error)
      assert.instanceOf(refused, Refusal)
      assert.match((refused as Refusal).reason, /cannot be read: .*NO_BACKSLASH_ESCAPES/)
      const session = legacyDriver.sessionOf(database.client())
      await session.readOnly((real) => checkSession(selects, 'mysql', real))
    })
  },
  ['mysql']
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
