import { test } from '@japa/runner'
import { createLegacyWorld } from '../helpers/legacy_world.ts'

test.group('Request poller', () => {
  test('runs a request and writes its end back', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('DIM_A')
    world.database.insertRequest({
      REQUEST_ID: 'R1',
      MAPREF: 'DIM_A',
      PAYLOAD: JSON.stringify({ params: { PARAM1: 'x' } }),
    })
    const node = world.node()
    await node.run()

    assert.equal(world.request('R1').STATUS, 'DONE')
    assert.lengthOf(world.runs(), 1)
  })
})
