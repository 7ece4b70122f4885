import { test } from '@japa/runner'
import { contractGroup } from './support.ts'

contractGroup('DWPRCREQ, the request queue', (open) => {
  test('a row goes from NEW to CLAIMED to DONE, and shows when and by whom', async ({ assert }) => {
    const { world, requester, database } = open()
    database.insertFlow({ MAPREF: 'A' })
    const id = requester.ask('IMMEDIATE', 'A')
    assert.containSubset(requester.read(id), { STATUS: 'NEW', CLAIMED_AT: null, CLAIMED_BY: null })
    const during = Promise.withResolvers<ReturnType<typeof requester.read>>()
    const look = async () => {
      during.resolve(requester.read(id))
      return { source_rows: 4, target_rows: 3, error_rows: 1 }
    }
    const source = { handlers: [{ mapref: 'A', handler: 'look' }] }
    const node = world.node({ source, handlers: { look } })
    const ended = await requester.end(node, id)
    const claimed = await during.promise
    assert.equal(claimed.STATUS, 'CLAIMED')
    assert.match(String(claimed.CLAIMED_BY), /^n1\.[0-9a-f]{8}\./)
    assert.isNotNull((claimed as unknown as Record<string, unknown>).CLAIMED_AT)
    assert.containSubset(ended, { STATUS: 'DONE', CLAIMED_BY: claimed.CLAIMED_BY })
    assert.isNotNull((ended as unknown as Record<string, unknown>).COMPLETED_AT)
    assert.containSubset(ended.result, { status: 'PC', source_rows: 4, target_rows: 3 })
  })

  test('STATUS and REQUESTED_AT are filled by the table', async ({ assert }) => {
    const { requester } = open()
    const row = requester.read(requester.ask('IMMEDIATE', 'A'))
    assert.equal(row.STATUS, 'NEW')
    assert.isNotNull((row as unknown as Record<string, unknown>).REQUESTED_AT)
  })

  test('any REQUEST_ID will do as long as it is unique', async ({ assert }) => {
    const { world, requester } = open()
    world.ledgerFlow('A')
    const node = world.node()
    for (const REQUEST_ID of ['1', 'x'.repeat(64), "o'brien; --", 'S:fake', 'ünï']) {
      const id = requester.ask('IMMEDIATE', 'A', null, { REQUEST_ID })
      const { STATUS } = await requester.end(node, id)
      assert.equal(STATUS, 'DONE', REQUEST_ID)
    }
  })

  test('the states of other screens, QUEUED and PROCESSING, are left alone', async ({ assert }) => {
    const { world, requester } = open()
    world.ledgerFlow('A')
    const ids = ['QUEUED', 'PROCESSING'].map((STATUS) =>
      requester.ask('IMMEDIATE', 'A', null, { STATUS, REQUEST_ID: STATUS })
    )
    await world.node().run()
    assert.deepEqual(
      ids.map((id) => requester.read(id).STATUS),
      ['QUEUED', 'PROCESSING']
    )
    assert.isEmpty(world.ledger())
  })

  test('the oldest of a MAPREF comes first', async ({ assert }) => {
    const { world, requester } = open()
    world.ledgerFlow('A')
    const ask = (REQUEST_ID: string, minute: string) =>
      requester.ask(
        'IMMEDIATE',
        'A',
        { param1: REQUEST_ID },
        {
          REQUEST_ID,
          REQUESTED_AT: `2026-01-01 10:${minute}:00`,
        }
      )
    ask('late', '30')
    ask('first', '10')
    await requester.end(world.node(), ask('middle', '20'))
    assert.includeOrderedMembers(
      world.ledger().map(({ NOTE }) => NOTE),
      ['first', 'middle']
    )
  })
})

contractGroup('IMMEDIATE', (open) => {
  for (const wrapped of [true, false]) {
    const form = wrapped ? '{"params": {...}}' : 'the params themselves'
    test(`takes param1 to param10 from ${form} into the run and its columns`, async ({
      assert,
    }) => {
      const { world, requester } = open()
      world.ledgerFlow('LOAD_SALES')
      const names = Array.from({ length: 10 }, (_, index) => `param${index + 1}`)
      const params = Object.fromEntries(names.map((name) => [name, `value of ${name}`]))
      const id = requester.ask('IMMEDIATE', 'LOAD_SALES', wrapped ? { params } : params)
      const { STATUS } = await requester.end(world.node(), id)
      assert.equal(STATUS, 'DONE')
      const [run] = requester.runs('LOAD_SALES')
      for (const name of names) {
        assert.equal(run[name.toUpperCase()], `value of ${name}`)
      }
      assert.equal(world.ledger()[0].NOTE, 'value of param1')
    })
  }

  test('a scheduled run is one with the source and the JOBSCHID of its schedule', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    world.ledgerFlow('A')
    database.insertSchedule({ JOBSCHID: 42, MAPREF: 'A' })
    const slot = Date.UTC(2026, 2, 1, 6, 0)
    await world.fire('A', slot, 42)
    await world.node().run()
    const row = requester.read('S:42:202603010600')
    assert.containSubset(row, { STATUS: 'DONE', REQUEST_TYPE: 'IMMEDIATE', MAPREF: 'A' })
    assert.containSubset(JSON.parse(row.PAYLOAD!), { source: 'schedule', jobschid: 42 })
  })
})

contractGroup('REFRESH_SCHEDULE', (open) => {
  test('reads DWJOBSCH again now', async ({ assert }) => {
    const { world, requester, database } = open()
    const node = world.node()
    await node.adapter.sync()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'NEWCOMER' })
    const { STATUS } = await requester.end(node, requester.ask('REFRESH_SCHEDULE', 'ALL'))
    assert.equal(STATUS, 'DONE')
    assert.containSubset(node.synced.at(-1), [{ key: 'NEWCOMER' }])
  })
})

contractGroup('The queue calls of the package', (open) => {
  test('insert a NEW row each, and return its id', async ({ assert }) => {
    const { world, requester, database } = open()
    database.insertFlow({ MAPREF: 'A' })
    const { pkgdwprc } = world.node().adapter
    const period = { startDate: '2026-01-01', endDate: '2026-01-31', truncate: 'Y' } as const
    const ids = [
      await pkgdwprc.queueImmediateJob({ mapref: 'A', params: { param1: 'x' } }),
      await pkgdwprc.queueHistoryJob({ mapref: 'A', ...period }),
      await pkgdwprc.queueReportRequest({ reportId: 'SALES', payload: { year: 2026 } }),
      await pkgdwprc.queueStopRequest({ mapref: 'A', startTime: '2026-03-01', force: 'Y' }),
    ]
    const rows = ids.map((id) => requester.read(id))
    assert.deepEqual(
      rows.map(({ REQUEST_TYPE, MAPREF, STATUS }) => [REQUEST_TYPE, MAPREF, STATUS]),
      [
        ['IMMEDIATE', 'A', 'NEW'],
        ['HISTORY', 'A', 'NEW'],
        ['REPORT', 'REPORT:SALES', 'NEW'],
        ['STOP', 'A', 'NEW'],
      ]
    )
    const payloads = rows.map(({ PAYLOAD }) => JSON.parse(PAYLOAD!) as Record<string, unknown>)
    assert.deepEqual(payloads[0], { params: { param1: 'x' } })
    assert.containSubset(payloads[1], {
      start_date: '2026-01-01',
      end_date: '2026-01-31',
      truncate_flag: 'Y',
    })
    assert.containSubset(payloads[3], { start_timestamp: '2026-03-01', force: 'Y' })
  })
})
