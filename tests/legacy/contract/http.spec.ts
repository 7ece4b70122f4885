import { test } from '@japa/runner'
import { activeSetting } from '../../helpers/legacy_group.ts'
import { SCHEDULE, startServer } from '../http_support.ts'
import { contractGroup } from './support.ts'

contractGroup('The old HTTP contract', () => {
  test('each route takes and gives its fields, to the letter', async ({ assert, fs }) => {
    const { post, get, warehouse } = await startServer(fs, undefined, activeSetting())
    warehouse.insertFlow({ MAPREF: 'LOAD_STOCK', JOBFLWID: 71 })
    const plain = ['success', 'message']

    const saved = await post('/save_job_schedule', SCHEDULE)
    assert.equal(saved.status, 200)
    assert.sameMembers(Object.keys(saved.body), [...plain, 'job_schedule_id', 'status'])
    const again = await post('/save_job_schedule', SCHEDULE)
    const changed = await post('/save_job_schedule', { ...SCHEDULE, FRQDD: 'TUE' })
    assert.deepEqual(
      [saved, again, changed].map(({ body }) => body.status),
      ['CREATED', 'UNCHANGED', 'UPDATED']
    )

    await post('/save_job_schedule', { ...SCHEDULE, MAPREF: 'LOAD_STOCK' })
    const link = { PARENT_MAP_REFERENCE: 'LOAD_SALES', CHILD_MAP_REFERENCE: 'LOAD_STOCK' }
    const switched = { MAPREF: 'LOAD_SALES', JOB_FLG: 'E' }
    const bodies: [path: string, body: object][] = [
      ['/save_parent_child_job', link],
      ['/enable_disable_job', switched],
      ['/schedule-job-immediately', { mapref: 'LOAD_SALES', loadType: 'regular' }],
      [
        '/schedule-job-immediately',
        {
          mapref: 'LOAD_SALES',
          loadType: 'history',
          startDate: '2026-01-01',
          endDate: '2026-01-31',
          truncateLoad: true,
        },
      ],
      ['/stop-running-job', { mapref: 'LOAD_SALES', startDate: '2026-03-01', force: 'Y' }],
    ]
    for (const [path, body] of bodies) {
      const { status, body: answer } = await post(path, body)
      assert.equal(status, 200, path)
      assert.sameMembers(Object.keys(answer), plain, path)
      assert.isTrue(answer.success)
    }
    const queue = await get('/check_scheduler_queue')
    const summary = queue.body.queue_summary as Record<string, unknown>
    assert.sameMembers(Object.keys(summary), [
      'total_requests',
      'status_counts',
      'stuck_jobs_count',
      'recent_process_logs',
    ])
    assert.containSubset(summary, { total_requests: 3, status_counts: { NEW: 3 } })
  })

  test('bad input is 400, a running MAPREF is told in the old words, a broken database is 500', async ({
    assert,
    fs,
  }) => {
    const { post, warehouse } = await startServer(fs, undefined, activeSetting())
    const bad = await post('/save_job_schedule', { ...SCHEDULE, FRQCD: 'XX' })
    assert.equal(bad.status, 400)
    assert.isFalse(bad.body.success)
    const connection = warehouse.connection()
    const STRTDT = connection.wallClock.render(await connection.now())
    warehouse.insert('DWPRCLOG', { PRCID: 1, MAPREF: 'LOAD_SALES', STATUS: 'IP', STRTDT })
    const running = await post('/schedule-job-immediately', { mapref: 'LOAD_SALES' })
    assert.equal(running.status, 400)
    assert.deepEqual(running.body, {
      success: false,
      message: 'LOAD_SALES : Job is already running',
    })
    warehouse.execute('drop table DWJOBSCH')
    const broken = await post('/enable_disable_job', { MAPREF: 'LOAD_SALES', JOB_FLG: 'E' })
    assert.equal(broken.status, 500)
    assert.isFalse(broken.body.success)
  })
})
