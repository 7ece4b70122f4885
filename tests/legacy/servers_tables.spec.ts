import { test } from '@japa/runner'
import { emptyParams } from '../../src/legacy/params.ts'
import type { LegacyDatabase } from '../helpers/legacy_database.ts'
import type { LegacySession } from '../../src/legacy/connection.ts'
import type { SqlSession } from '../../src/storage/sql_session.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { NOW, openSource, openWith } from './support.ts'

const CLAIM = { claimedBy: 'n.00000000.1', limit: 5, now: NOW }
const RUN = { jobid: 1, jobflwid: 1, mapref: 'A', sessionid: 5, params: emptyParams(), now: NOW }
const REQUEST = { requestId: 'R1', mapref: 'A', type: 'IMMEDIATE', payload: {}, now: NOW }

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

    test('a claim reads the head of a long queue alone, however old the statistics are', async ({
      assert,
    }) => {
      const { database, connection, requests } = await openWith([], {}, () => {})
      database.execute('analyze DWPRCREQ')
      database.execute(
        `insert into DWPRCREQ (REQUEST_ID, MAPREF, REQUEST_TYPE, STATUS, REQUESTED_AT)
         select 'R' || n, 'M' || n % 500, 'IMMEDIATE', 'NEW', now() + n * interval '1 second'
         from generate_series(1, 5000) n`
      )
      const { session, plans } = explained(connection.session)
      await requests.claimBatch(session, CLAIM)
      assert.lengthOf(plans, 1)
      assert.isAtMost(Math.max(...plans[0].map(rowsRead)), 200)
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
      assert.equal(
        database.rows(`select RESULT_PAYLOAD->>'ok' as FINE from DWPRCREQ`)[0].FINE,
        'true'
      )
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

interface PlanNode {
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Plans'?: PlanNode[]
}

function rowsRead(node: PlanNode): number {
  return (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
}

/** A session that keeps the plans of claims, every node of each, in place of their answers. */
function explained(session: LegacySession): { session: LegacySession; plans: PlanNode[][] } {
  const plans: PlanNode[][] = []
  const ofClaim = (sql: SqlSession): SqlSession => ({
    ...sql,
    async query(text, bindings) {
      if (!text.startsWith('with')) {
        return sql.query(text, bindings)
      }
      const { rows } = await sql.query(`explain (analyze, format json) ${text}`, bindings)
      const [{ Plan: root }] = rows[0]['QUERY PLAN'] as { Plan: PlanNode }[]
      plans.push(nodesOf(root))
      return { rows: [{ looked: 0, id: null }], affected: 0 }
    },
  })
  const { sql } = session
  const transaction: SqlSession['transaction'] = (work) =>
    sql.transaction((inside) => work(ofClaim(inside)))
  return { session: { ...session, sql: { ...sql, transaction } }, plans }
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}
