import { test } from '@japa/runner'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { createLegacyWorld, type LegacyWorld } from '../helpers/legacy_world.ts'

/** One row of each kind: known, ignored, unknown. */
function rows(world: LegacyWorld): void {
  world.ledgerFlow('GOOD')
  const types = { KNOWN: 'immediate ', IGNORED: ' File_Upload', UNKNOWN: 'LAUNCH', OTHER: 'launch' }
  for (const [REQUEST_ID, REQUEST_TYPE] of Object.entries(types)) {
    world.database.insertRequest({ REQUEST_ID, REQUEST_TYPE, MAPREF: 'GOOD' })
  }
}

legacyGroup('Types of requests', () => {
  test('a type that config ignores is never claimed, whatever its letter case', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    rows(world)
    const node = world.node({ source: { ignoreTypes: ['file_upload'] } })
    await node.run()
    await node.run()
    assert.containSubset(world.request('IGNORED'), { STATUS: 'NEW', CLAIMED_BY: null })
    assert.equal(world.request('KNOWN').STATUS, 'DONE')
    assert.equal(world.request('UNKNOWN').STATUS, 'FAILED')
    assert.equal(node.counters.get('legacy.refused'), 2)
  })

  test('STOP and REFRESH_SCHEDULE can be ignored too', async ({ assert }) => {
    const world = await createLegacyWorld()
    for (const REQUEST_TYPE of ['STOP', 'REFRESH_SCHEDULE']) {
      world.database.insertRequest({ REQUEST_ID: REQUEST_TYPE, REQUEST_TYPE, MAPREF: 'A' })
    }
    const node = world.node({ source: { ignoreTypes: ['STOP'] } })
    await node.run()
    assert.equal(world.request('STOP').STATUS, 'NEW')
    assert.equal(world.request('REFRESH_SCHEDULE').STATUS, 'DONE')
  })

  test('an unknown type fails by default, and says which types there are', async ({ assert }) => {
    const world = await createLegacyWorld()
    rows(world)
    await world.node().run()
    const { STATUS, result } = world.request('UNKNOWN')
    assert.equal(STATUS, 'FAILED')
    assert.match(String(result.message), /REQUEST_TYPE "LAUNCH" is unknown; use IMMEDIATE/)
  })

  test('unknownTypes: leave leaves them NEW, counts them, and tells each change once', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    rows(world)
    const node = world.node({ source: { unknownTypes: 'leave', ignoreTypes: ['FILE_UPLOAD'] } })
    await node.run()
    for (const id of ['UNKNOWN', 'OTHER', 'IGNORED']) {
      assert.containSubset(world.request(id), { STATUS: 'NEW', CLAIMED_BY: null })
    }
    assert.equal(world.request('KNOWN').STATUS, 'DONE')

    const chore = node.chores.find(({ name }) => name === 'legacy.left.dw')!
    const told = () => node.logger.messages('warn').filter((line) => line.includes('left NEW'))
    await chore.run()
    await chore.run()
    assert.deepEqual(node.adapter.status().left, { LAUNCH: 2 })
    assert.lengthOf(told(), 1)
    assert.match(told()[0], /^Legacy source "dw": .* are left NEW: 2 LAUNCH$/)
    world.database.execute("delete from DWPRCREQ where REQUEST_ID <> 'KNOWN'")
    await chore.run()
    assert.deepEqual(node.adapter.status().left, {})
    assert.match(told()[1], /left NEW: none any more$/)
  })

  test('nothing is counted where unknown types fail', async ({ assert }) => {
    const world = await createLegacyWorld()
    const { chores, adapter } = world.node()
    assert.notInclude(
      chores.map(({ name }) => name),
      'legacy.left.dw'
    )
    assert.deepEqual(await adapter.countLeft(), {})
  })

  test('a backlog that is left never hides what is taken', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('GOOD')
    const left = Array.from({ length: 450 }, (_, index) => ({
      REQUEST_ID: `L${index}`,
      MAPREF: 'GOOD',
      REQUEST_TYPE: 'LAUNCH',
      REQUESTED_AT: '2025-01-01 00:00:00',
    }))
    world.database.insertMany('DWPRCREQ', left)
    world.database.insertRequest({ REQUEST_ID: 'LAST', MAPREF: 'GOOD' })
    await world.node({ source: { unknownTypes: 'leave' } }).run()
    assert.equal(world.request('LAST').STATUS, 'DONE')
  })
})
