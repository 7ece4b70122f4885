import { getActiveTest, test } from '@japa/runner'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { NOW, openWith } from './support.ts'
import { emptyParams } from '../../src/legacy/params.ts'

const CLAIM = { claimedBy: 'n.00000000.1', limit: 5, now: NOW }
const RUN = { jobid: 1, jobflwid: 1, mapref: 'A', sessionid: 5, params: emptyParams(), now: NOW }

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
