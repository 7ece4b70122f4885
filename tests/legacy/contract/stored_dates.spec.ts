import { test } from '@japa/runner'
import { preview } from '../../../src/triggers/main.ts'
import { contractGroup } from './support.ts'

contractGroup('Stored dates', (open) => {
  test('are wall clocks of the zone that config names, written and read', async ({ assert }) => {
    const { world, database, requester } = open()
    world.ledgerFlow('A')
    const dates = { STRTDT: '2998-01-01 00:00:00', FRQHH: '6', FRQMI: '0' }
    database.insertSchedule({ MAPREF: 'A', JOBSCHID: 1, ...dates })
    const timezone = 'Asia/Kolkata'
    const node = world.node({ source: { timezone } })
    await node.adapter.sync()
    const from = new Date('2997-12-31T00:00:00Z')
    const [slot] = preview(node.synced[0][0].trigger!, { from, count: 1 })
    assert.equal(slot.toISOString(), '2998-01-01T00:30:00.000Z')

    const before = Date.now()
    await requester.end(node, requester.ask('IMMEDIATE', 'A'))
    const [run] = requester.runs('A')
    const [text] = database.rows<Record<string, string>>(
      'select cast(STRTDT as char(19)) as T from DWPRCLOG where PRCID = ?',
      run.PRCID as number
    )
    const shown = Object.values(text)[0].slice(0, 19)
    const told = Date.parse(`${shown.replace(' ', 'T')}+05:30`)
    assert.closeTo(told, before, 30_000)
  })
})
