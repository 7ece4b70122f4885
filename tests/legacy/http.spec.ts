import { test } from '@japa/runner'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { SCHEDULE, startServer } from './http_support.ts'

legacyGroup('The old HTTP contract', () => {
  test('POST /save_job_schedule: CREATED, UNCHANGED, UPDATED', async ({ assert, fs }) => {
    const { post, warehouse, almanac } = await startServer(fs)
    const created = await post('/save_job_schedule', SCHEDULE)
    assert.equal(created.status, 200)
    const { message, job_schedule_id: id } = created.body
    assert.deepEqual(created.body, {
      success: true,
      message,
      job_schedule_id: id,
      status: 'CREATED',
    })
    assert.isNumber(id)
    const same = await post('/save_job_schedule', { ...SCHEDULE, OTHER_FIELD: 1 })
    assert.containSubset(same.body, { success: true, job_schedule_id: id, status: 'UNCHANGED' })
    const updated = await post('/save_job_schedule', { ...SCHEDULE, FRQDD: 'TUE', ENDDT: null })
    assert.equal(updated.body.status, 'UPDATED')
    const [row] = warehouse.rows("select * from DWJOBSCH where CURFLG = 'Y'")
    assert.containSubset(row, { FRQDD: 'TUE', FRQHH: '6', FRQMI: '30', SCHFLG: 'N' })
    const [event] = await almanac.events.list()
    assert.containSubset(event, { source: 'legacy:dw', name: 'LOAD_SALES', status: 'paused' })
  })

  test('POST /save_parent_child_job and /enable_disable_job', async ({ assert, fs }) => {
    const { post, warehouse, almanac } = await startServer(fs)
    warehouse.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    warehouse.insertSchedule({ JOBSCHID: 2, MAPREF: 'B', SCHFLG: 'N' })
    const link = { PARENT_MAP_REFERENCE: 'A', CHILD_MAP_REFERENCE: 'B' }
    const linked = await post('/save_parent_child_job', link)
    assert.equal(linked.status, 200)
    assert.sameMembers(Object.keys(linked.body), ['success', 'message'])
    const enabled = await post('/enable_disable_job', { MAPREF: 'B', JOB_FLG: 'E' })
    assert.isTrue(enabled.body.success)
    const [, child] = warehouse.rows('select * from DWJOBSCH order by JOBSCHID')
    assert.equal(Number(child.DPND_JOBSCHID), 1)
    assert.equal(child.SCHFLG, 'Y')
    const events = await almanac.events.list({ status: 'active' })
    assert.sameMembers(
      events.map(({ name }) => name),
      ['A', 'B']
    )
    const back = { PARENT_MAP_REFERENCE: 'B', CHILD_MAP_REFERENCE: 'A' }
    const loop = await post('/save_parent_child_job', back)
    assert.equal(loop.status, 400)
    assert.match(loop.body.message, /^PARENT_MAP_REFERENCE \(B\): it would form a loop, A > B > A/)
  })

  test('POST /schedule-job-immediately queues a regular or a history run', async ({
    assert,
    fs,
  }) => {
    const { post, warehouse } = await startServer(fs)
    const regular = await post('/schedule-job-immediately', {
      mapref: 'LOAD_SALES',
      loadType: 'regular',
    })
    assert.equal(regular.status, 200)
    const history = await post('/schedule-job-immediately', {
      mapref: 'LOAD_SALES',
      loadType: 'history',
      startDate: '2026-01-01',
      endDate: '2026-01-31',
      truncateLoad: true,
    })
    assert.isTrue(history.body.success)
    const rows = warehouse.rows<Record<string, string>>(
      'select * from DWPRCREQ order by REQUESTED_AT, REQUEST_ID'
    )
    assert.deepEqual(
      rows.map(({ REQUEST_TYPE, STATUS, PAYLOAD }) => [REQUEST_TYPE, STATUS, JSON.parse(PAYLOAD)]),
      [
        ['IMMEDIATE', 'NEW', { params: {} }],
        [
          'HISTORY',
          'NEW',
          { start_date: '2026-01-01', end_date: '2026-01-31', truncate_flag: 'Y' },
        ],
      ]
    )
  })

  test('a MAPREF that is running is refused in the old words', async ({ assert, fs }) => {
    const { post, warehouse } = await startServer(fs)
    const [{ now }] = await clockOf(warehouse)
    warehouse.insert('DWPRCLOG', { PRCID: 1, MAPREF: 'LOAD_SALES', STATUS: 'IP', STRTDT: now })
    const refused = await post('/schedule-job-immediately', { mapref: 'LOAD_SALES' })
    assert.equal(refused.status, 400)
    assert.deepEqual(refused.body, {
      success: false,
      message: 'LOAD_SALES : Job is already running',
    })
    assert.lengthOf(warehouse.rows('select * from DWPRCREQ'), 0)
  })

  test('POST /stop-running-job queues a stop', async ({ assert, fs }) => {
    const { post, warehouse } = await startServer(fs)
    const stopped = await post('/stop-running-job', {
      mapref: 'LOAD_SALES',
      startDate: '2026-03-01',
      force: 'Y',
    })
    assert.equal(stopped.status, 200)
    const [row] = warehouse.rows<Record<string, string>>('select * from DWPRCREQ')
    assert.equal(row.REQUEST_TYPE, 'STOP')
    assert.deepEqual(JSON.parse(row.PAYLOAD), { start_timestamp: '2026-03-01', force: 'Y' })
  })

  test('GET /check_scheduler_queue sums the queue up', async ({ assert, fs }) => {
    const { get, warehouse } = await startServer(fs)
    warehouse.insertRequest({ MAPREF: 'A' })
    warehouse.insertRequest({ MAPREF: 'B', STATUS: 'CLAIMED', CLAIMED_BY: 'java-17' })
    const times = { STRTDT: '2026-03-01 06:00:00.500', ENDDT: '2026-03-01 06:01:00' }
    warehouse.insert('DWPRCLOG', { PRCID: 5, JOBID: 7, MAPREF: 'A', STATUS: 'PC', ...times })
    const { status, body } = await get('/check_scheduler_queue')
    assert.equal(status, 200)
    assert.deepEqual(body as object, {
      queue_summary: {
        total_requests: 2,
        status_counts: { NEW: 1, CLAIMED: 1, DONE: 0, FAILED: 0 },
        stuck_jobs_count: 0,
        recent_process_logs: [
          {
            prcid: 5,
            jobid: 7,
            mapref: 'A',
            status: 'PC',
            strtdt: '2026-03-01 06:00:00',
            enddt: '2026-03-01 06:01:00',
            msg: null,
          },
        ],
      },
    })
  })

  test('a database that fails is a 500 without its words', async ({ assert, fs }) => {
    const { post, get, warehouse } = await startServer(fs)
    await post('/save_job_schedule', SCHEDULE)
    warehouse.execute('drop table DWPRCREQ')
    warehouse.execute('drop table DWJOBSCH')
    for (const reply of [
      await post('/save_job_schedule', SCHEDULE),
      await post('/enable_disable_job', { MAPREF: 'LOAD_SALES', JOB_FLG: 'E' }),
      await post('/stop-running-job', { mapref: 'LOAD_SALES' }),
      await get('/check_scheduler_queue'),
    ]) {
      assert.equal(reply.status, 500)
      assert.deepEqual(Object.keys(reply.body), ['success', 'message'])
      assert.isFalse(reply.body.success)
      assert.notMatch(reply.text, /DWJOBSCH|DWPRCREQ|select|update|at .*\.ts/i)
    }
  })
})

test.group('The old HTTP contract | who may', () => {
  const PATHS = [
    '/save_job_schedule',
    '/save_parent_child_job',
    '/enable_disable_job',
    '/schedule-job-immediately',
    '/stop-running-job',
  ]
  const refusals = {
    'there is no authorizer': {},
    'it says false': { authorize: () => false },
    'it says something else': { authorize: () => 'yes' as unknown as boolean },
    'it throws': {
      authorize: () => {
        throw new Error('secret of the session')
      },
    },
    'it rejects': { authorize: () => Promise.reject(new Error('secret of the session')) },
  }
  for (const [name, options] of Object.entries(refusals)) {
    test(`403 for every route where ${name}`, async ({ assert, fs }) => {
      const { post, get, warehouse } = await startServer(fs, options)
      const replies = await Promise.all([
        ...PATHS.map((path) => post(path, SCHEDULE)),
        get('/check_scheduler_queue'),
      ])
      for (const { status, body } of replies) {
        assert.equal(status, 403)
        assert.deepEqual(body, { success: false, message: 'You may not do this' })
      }
      assert.lengthOf(warehouse.rows('select * from DWJOBSCH'), 0)
    })
  }

  test('prefix, middleware and source are the host’s', async ({ assert, fs }) => {
    const seen: string[] = []
    const { post } = await startServer(fs, {
      prefix: '/api/v1',
      source: 'dw',
      middleware: async (ctx, next) => {
        seen.push(ctx.request.url())
        await next()
      },
      authorize: async ({ request }) => request.header('accept') === 'application/json',
    })
    const saved = await post('/api/v1/save_job_schedule', SCHEDULE)
    assert.equal(saved.status, 200)
    assert.deepEqual(seen, ['/api/v1/save_job_schedule'])
  })

  test('a source that is not configured is a 500', async ({ assert, fs }) => {
    const { post } = await startServer(fs, { authorize: () => true, source: 'other' })
    const { status, body } = await post('/save_job_schedule', SCHEDULE)
    assert.equal(status, 500)
    assert.isFalse(body.success)
  })
})

async function clockOf(warehouse: Awaited<ReturnType<typeof startServer>>['warehouse']) {
  const connection = warehouse.connection()
  return [{ now: connection.wallClock.render(await connection.now()) }]
}
