import { test } from '@japa/runner'
import type { Requests } from '../../src/legacy/tables/requests.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { NOW, openSource, type OpenedSource } from './support.ts'

async function openRequests(
  ...options: Parameters<typeof openSource>
): Promise<OpenedSource & { requests: Requests }> {
  const opened = await openSource(...options)
  return { ...opened, requests: opened.tables.requests! }
}

legacyGroup('Request table | claim', () => {
  test('NEW rows are claimed in the order they were asked for, and read back whole', async ({
    assert,
  }) => {
    const { database, requests, connection } = await openRequests()
    const at = (minute: number) => `2026-03-01 11:0${minute}:00`
    database.insertRequest({ REQUEST_ID: 'b', MAPREF: 'B', REQUESTED_AT: at(2) })
    database.insertRequest({ REQUEST_ID: 'c', MAPREF: 'C', REQUESTED_AT: at(1) })
    database.insertRequest({
      REQUEST_ID: 'a',
      MAPREF: 'A',
      REQUESTED_AT: at(2),
      PAYLOAD: '{"param1":"x"}',
    })
    database.insertRequest({ REQUEST_ID: 'd', MAPREF: 'D', STATUS: 'DONE' })

    const rows = await requests.claimBatch(connection.session, {
      claimedBy: 'n1.0badcafe.1',
      limit: 10,
      now: NOW,
    })

    assert.deepEqual(
      rows.map((row) => row.requestId),
      ['c', 'a', 'b']
    )
    assert.deepEqual(rows[1], {
      requestId: 'a',
      mapref: 'A',
      type: 'IMMEDIATE',
      payload: '{"param1":"x"}',
      payloadLength: 14,
      oversized: false,
      status: 'CLAIMED',
      claimedBy: 'n1.0badcafe.1',
      requestedAt: Date.parse('2026-03-01T11:02:00Z'),
      claimedAt: NOW,
    })
    const [stored] = database.rows("select * from DWPRCREQ where REQUEST_ID = 'a'")
    assert.equal(stored.STATUS, 'CLAIMED')
    assert.equal(stored.CLAIMED_AT, '2026-03-01 12:00:00.250')
  })

  test('at most as many as asked for, one of each MAPREF, the first', async ({ assert }) => {
    const { database, requests, connection } = await openRequests()
    for (const [id, mapref] of [
      ['1', 'A'],
      ['2', 'A'],
      ['3', 'B'],
      ['4', 'C'],
    ]) {
      database.insertRequest({
        REQUEST_ID: id,
        MAPREF: mapref,
        REQUESTED_AT: `2026-03-01 11:00:0${id}`,
      })
    }
    const claim = (claimedBy: string, limit: number) =>
      requests.claimBatch(connection.session, { claimedBy, limit, now: NOW })

    const first = await claim('n.00000000.1', 2)
    assert.deepEqual(
      first.map((row) => row.requestId),
      ['1', '3']
    )
    // A has a claimed row of the last 24 h: its second request waits
    const second = await claim('n.00000000.2', 5)
    assert.deepEqual(
      second.map((row) => row.requestId),
      ['4']
    )
    assert.deepEqual(await claim('n.00000000.3', 5), [])
    assert.deepEqual(await claim('n.00000000.4', 0), [])
  })

  test('the backlog of one MAPREF hides no other', async ({ assert }) => {
    const { database, requests, connection } = await openRequests()
    const big = { MAPREF: 'BIG', REQUEST_TYPE: 'IMMEDIATE', REQUESTED_AT: '2026-03-01 10:00:00' }
    const backlog = Array.from({ length: 10_000 }, (_, index) => ({
      REQUEST_ID: String(index + 1).padStart(5, '0'),
      ...big,
    }))
    database.insertMany('DWPRCREQ', backlog)
    database.insertRequest({
      REQUEST_ID: 'x1',
      MAPREF: 'SMALL',
      REQUESTED_AT: '2026-03-01 11:00:00',
    })
    database.insertRequest({
      REQUEST_ID: 'x2',
      MAPREF: 'OTHER',
      REQUESTED_AT: '2026-03-01 11:30:00',
    })

    const rows = await requests.claimBatch(connection.session, {
      claimedBy: 'n.00000000.1',
      limit: 2,
      now: NOW,
    })
    assert.deepEqual(
      rows.map((row) => row.requestId),
      ['00001', 'x1']
    )
  })

  test('blocked MAPREFs are left alone, however many', async ({ assert }) => {
    const { database, requests, connection } = await openRequests()
    database.insertRequest({ REQUEST_ID: 'a', MAPREF: 'A' })
    database.insertRequest({ REQUEST_ID: 'b', MAPREF: 'B' })
    const others = Array.from({ length: 1200 }, (_, index) => `X${index}`)

    const rows = await requests.claimBatch(connection.session, {
      claimedBy: 'n.00000000.1',
      limit: 5,
      now: NOW,
      blocked: [...others, 'A', 'A'],
    })
    assert.deepEqual(
      rows.map((row) => row.requestId),
      ['b']
    )
  })

  test("another scheduler's claim blocks for 24 hours, one of ours for ever", async ({
    assert,
  }) => {
    const { database, requests, connection } = await openRequests()
    const claimed = (mapref: string, by: string, at: string | null) => {
      database.insertRequest({
        REQUEST_ID: `old-${mapref}`,
        MAPREF: mapref,
        STATUS: 'CLAIMED',
        CLAIMED_BY: by,
        CLAIMED_AT: at,
      })
      database.insertRequest({ REQUEST_ID: `new-${mapref}`, MAPREF: mapref })
    }
    claimed('FRESH', 'python-1', '2026-03-01 00:00:00')
    claimed('STALE', 'python-1', '2026-02-27 00:00:00')
    claimed('NEVER', 'python-1', null)
    claimed('OURS', 'n_1.0badcafe.7', '2026-02-01 00:00:00')
    // an underscore is no wildcard
    claimed('ALIKE', 'nx1.0badcafe.7', '2026-02-01 00:00:00')

    const rows = await requests.claimBatch(connection.session, {
      claimedBy: 'n_1.0badcafe.8',
      limit: 9,
      now: NOW,
      ownPrefix: 'n_1.',
    })
    assert.sameMembers(
      rows.map((row) => row.mapref),
      ['STALE', 'NEVER', 'ALIKE']
    )
  })

  test('unknown types are claimed, control types are not, and types narrow', async ({ assert }) => {
    const { database, requests, connection } = await openRequests()
    for (const type of ['IMMEDIATE', 'STOP', 'REFRESH_SCHEDULE', 'WHATEVER', 'HISTORY']) {
      database.insertRequest({ REQUEST_ID: type, MAPREF: `M${type}`, REQUEST_TYPE: type })
    }
    const history = await requests.claimBatch(connection.session, {
      claimedBy: 'n.00000000.1',
      limit: 9,
      now: NOW,
      types: ['HISTORY'],
    })
    assert.deepEqual(
      history.map((row) => row.type),
      ['HISTORY']
    )
    const others = await requests.claimBatch(connection.session, {
      claimedBy: 'n.00000000.2',
      limit: 9,
      now: NOW,
    })
    assert.sameMembers(
      others.map((row) => row.type),
      ['IMMEDIATE', 'WHATEVER']
    )
  })

  test('control requests are claimed in a statement of their own, STOP first', async ({
    assert,
  }) => {
    const { database, requests, connection } = await openRequests()
    const add = (id: string, type: string, minute: number) =>
      database.insertRequest({
        REQUEST_ID: id,
        MAPREF: 'A',
        REQUEST_TYPE: type,
        REQUESTED_AT: `2026-03-01 10:0${minute}:00`,
      })
    add('r', 'REFRESH_SCHEDULE', 1)
    add('i', 'IMMEDIATE', 2)
    add('s2', 'STOP', 4)
    add('s1', 'STOP', 3)
    const claim = (claimedBy: string, limit: number) =>
      requests.claimControl(connection.session, { claimedBy, limit, now: NOW })

    const rows = await claim('n.00000000.1', 9)
    assert.deepEqual(
      rows.map((row) => row.requestId),
      ['s1', 's2', 'r']
    )
    assert.deepEqual(await claim('n.00000000.2', 9), [])
    assert.equal(
      database.rows("select STATUS from DWPRCREQ where REQUEST_ID = 'i'")[0].STATUS,
      'NEW'
    )
  })

  test('a payload longer than allowed stays in the database', async ({ assert }) => {
    const { database, requests, connection } = await openRequests({ maxPayload: 20 })
    database.insertRequest({ REQUEST_ID: 'big', MAPREF: 'A', PAYLOAD: `"${'x'.repeat(19)}"` })
    database.insertRequest({ REQUEST_ID: 'fit', MAPREF: 'B', PAYLOAD: `"${'x'.repeat(18)}"` })

    const rows = await requests.claimBatch(connection.session, {
      claimedBy: 'n.00000000.1',
      limit: 9,
      now: NOW,
    })
    const [big, fit] = ['big', 'fit'].map((id) => rows.find((row) => row.requestId === id)!)
    assert.deepInclude(big, { payload: null, oversized: true, payloadLength: 21 })
    assert.deepInclude(fit, { oversized: false, payloadLength: 20 })
    assert.lengthOf(fit.payload!, 20)
  })

  test('two connections never claim one row twice', async ({ assert }) => {
    const { database, requests, connection } = await openRequests()
    for (let index = 0; index < 300; index++) {
      database.insertRequest({ REQUEST_ID: `r${index}`, MAPREF: `M${index}` })
    }
    const other = database.connection()
    const taken: string[] = []
    const drain = async (session: typeof connection.session, name: string) => {
      for (let round = 0; ; round++) {
        const rows = await requests.claimBatch(session, {
          claimedBy: `${name}.00000000.${round}`,
          limit: 7,
          now: NOW,
        })
        taken.push(...rows.map((row) => row.requestId))
        if (rows.length === 0) {
          return
        }
      }
    }
    await Promise.all([drain(connection.session, 'n1'), drain(other.session, 'n2')])
    const left = database.rows("select count(*) as n from DWPRCREQ where STATUS = 'NEW'")[0].n
    assert.equal(left, 0)
    assert.lengthOf(taken, 300)
    assert.equal(new Set(taken).size, 300)
  })

  test('a foreign date that is none does not stop the queue', async ({ assert }) => {
    const { database, requests, connection } = await openRequests({}, (legacy) =>
      legacy.place.loosen('DWPRCREQ', 'REQUESTED_AT')
    )
    database.insertRequest({ REQUEST_ID: 'a', MAPREF: 'A', REQUESTED_AT: 'yesterday' })
    const rows = await requests.claimBatch(connection.session, {
      claimedBy: 'n.00000000.1',
      limit: 1,
      now: NOW,
    })
    assert.isNull(rows[0].requestedAt)
  })
})

legacyGroup('Request table | ownership', () => {
  const mine = { requestId: 'a', claimedBy: 'n.00000000.1' }

  async function claimed() {
    const opened = await openRequests()
    opened.database.insertRequest({ REQUEST_ID: 'a', MAPREF: 'A' })
    await opened.requests.claimBatch(opened.connection.session, {
      claimedBy: mine.claimedBy,
      limit: 1,
      now: NOW,
    })
    return opened
  }

  test('finish ends our request and no other', async ({ assert }) => {
    const { database, requests, connection } = await claimed()
    const end = { status: 'DONE', result: { rows: 3 }, now: NOW + 1 } as const
    const { session } = connection

    assert.isFalse(await requests.finish(session, { ...mine, claimedBy: 'n.00000000.2', ...end }))
    assert.isFalse(await requests.finish(session, { ...mine, requestId: 'b', ...end }))
    assert.isTrue(await requests.finish(session, { ...mine, ...end }))
    assert.isFalse(await requests.finish(session, { ...mine, ...end, status: 'FAILED' }))

    const [row] = database.rows('select * from DWPRCREQ')
    assert.deepInclude(row, {
      STATUS: 'DONE',
      COMPLETED_AT: '2026-03-01 12:00:00.251',
      RESULT_PAYLOAD: '{"rows":3}',
      CLAIMED_BY: mine.claimedBy,
    })
  })

  test('hand-back makes it NEW again, only while it is ours', async ({ assert }) => {
    const { database, requests, connection } = await claimed()
    const { session } = connection
    assert.isFalse(await requests.handBack(session, { ...mine, claimedBy: 'x' }))
    assert.isTrue(await requests.handBack(session, mine))
    assert.isFalse(await requests.handBack(session, mine))
    const [row] = database.rows('select * from DWPRCREQ')
    assert.deepInclude(row, { STATUS: 'NEW', CLAIMED_AT: null, CLAIMED_BY: null })
  })

  test('several are handed back at once, more than a list can hold', async ({ assert }) => {
    const { database, requests, connection } = await openRequests()
    const ids = Array.from({ length: 1100 }, (_, index) => `r${index}`)
    for (const id of ids) {
      database.insertRequest({ REQUEST_ID: id, MAPREF: id })
    }
    const claimedBy = 'n.00000000.1'
    await requests.claimBatch(connection.session, { claimedBy, limit: 1100, now: NOW })
    await requests.finish(connection.session, {
      requestId: 'r5',
      claimedBy,
      status: 'DONE',
      result: null,
      now: NOW,
    })

    assert.equal(await requests.handBackAll(connection.session, claimedBy, ids), 1099)
    assert.equal(await requests.handBackAll(connection.session, claimedBy, ids), 0)
    assert.equal(await requests.handBackAll(connection.session, claimedBy, []), 0)
  })

  test('holdClaim tells whether it still is ours', async ({ assert }) => {
    const { requests, connection } = await claimed()
    await connection.transaction(async (session) => {
      assert.isTrue(await requests.holdClaim(session, mine))
      assert.isFalse(await requests.holdClaim(session, { ...mine, claimedBy: 'x' }))
    })
    await requests.handBack(connection.session, mine)
    assert.isFalse(await requests.holdClaim(connection.session, mine))
  })

  test('find and listClaimed see what there is', async ({ assert }) => {
    const { database, requests, connection } = await claimed()
    const { session } = connection
    database.insertRequest({
      REQUEST_ID: 'f',
      MAPREF: 'F',
      STATUS: 'CLAIMED',
      CLAIMED_BY: 'python-1',
    })
    assert.isNull(await requests.find(session, 'nothing'))
    assert.deepInclude(await requests.find(session, 'f'), {
      requestId: 'f',
      status: 'CLAIMED',
      claimedBy: 'python-1',
      claimedAt: null,
    })
    const ours = await requests.listClaimed(session, { prefix: 'n.' })
    assert.deepEqual(
      ours.map((row) => row.requestId),
      ['a']
    )
    assert.lengthOf(await requests.listClaimed(session, { prefix: 'n.00000001.' }), 0)
    assert.lengthOf(await requests.listClaimed(session, { prefix: '' }), 2)
  })
})

legacyGroup('Request table | insert', () => {
  const request = {
    requestId: 'S:1:202603011200',
    mapref: 'A',
    type: 'IMMEDIATE',
    payload: { source: 'schedule', jobschid: 1 },
    now: NOW,
  }

  test('a row is born claimed, once', async ({ assert }) => {
    const { database, requests, connection } = await openRequests()
    const born = { ...request, claimedBy: 'n.00000000.1' }
    assert.isTrue(await requests.insertClaimed(connection.session, born))
    assert.isFalse(
      await requests.insertClaimed(connection.session, { ...born, claimedBy: 'other.00000000.1' })
    )
    const rows = database.rows('select * from DWPRCREQ')
    assert.lengthOf(rows, 1)
    assert.deepInclude(rows[0], {
      REQUEST_ID: request.requestId,
      STATUS: 'CLAIMED',
      CLAIMED_BY: 'n.00000000.1',
      CLAIMED_AT: '2026-03-01 12:00:00.250',
      REQUESTED_AT: '2026-03-01 12:00:00.250',
      PAYLOAD: '{"source":"schedule","jobschid":1}',
    })
  })

  test('a row that exists does not spoil the transaction', async ({ assert }) => {
    const { database, requests, connection } = await openRequests()
    database.insertRequest({ REQUEST_ID: request.requestId, MAPREF: 'A', STATUS: 'DONE' })
    await connection.transaction(async (session) => {
      assert.isFalse(await requests.insert(session, request))
      assert.isTrue(await requests.insert(session, { ...request, requestId: 'D:1:2' }))
    })
    const [row] = database.rows("select * from DWPRCREQ where REQUEST_ID = 'D:1:2'")
    assert.deepInclude(row, { STATUS: 'NEW', CLAIMED_BY: null, CLAIMED_AT: null })
  })

  test('other failures are thrown', async ({ assert }) => {
    const { requests, connection } = await openRequests()
    await assert.rejects(
      () => requests.insert(connection.session, { ...request, mapref: null as never }),
      /not.null|cannot be null/i
    )
  })
})
