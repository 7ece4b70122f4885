import { test } from '@japa/runner'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { createLegacyWorld, type LegacyWorld } from '../helpers/legacy_world.ts'

/** A flow with a schedule, after another's when a parent's JOBSCHID is given. */
function step(world: LegacyWorld, mapref: string, jobschid: number, parent: number | null = null) {
  world.ledgerFlow(mapref)
  return world.database.insertSchedule({
    JOBSCHID: jobschid,
    MAPREF: mapref,
    DPND_JOBSCHID: parent,
  })
}

function ran(world: LegacyWorld): string[] {
  return world.ledger().map(({ MAPREF }) => MAPREF)
}

legacyGroup('Dependents', () => {
  test('are queued by the success of their parent, and run', async ({ assert }) => {
    const world = await createLegacyWorld()
    step(world, 'A', 1)
    step(world, 'B', 2, 1)
    step(world, 'C', 3, 1)
    step(world, 'D', 4, 2)
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    await world.node().run()

    assert.sameMembers(ran(world), ['A', 'B', 'C', 'D'])
    const [{ PRCID }] = world.ledger()
    const children = [`D:${PRCID}:2`, `D:${PRCID}:3`]
    assert.deepEqual(world.request('R1').result.children, children)
    const child = world.request(children[0])
    assert.containSubset(child, { STATUS: 'DONE', MAPREF: 'B', REQUEST_TYPE: 'IMMEDIATE' })
    assert.deepEqual(JSON.parse(child.PAYLOAD!), {
      source: 'dependency',
      jobschid: 2,
      parent: 'A',
      parent_prcid: PRCID,
      chain: ['A'],
      params: {},
    })
  })

  test('follow their parent through all versions of its schedule', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', CURFLG: 'N' })
    step(world, 'A', 9)
    step(world, 'B', 2, 1)
    await world.fire('A', Date.UTC(2026, 2, 1), 9)
    await world.node().run()
    assert.deepEqual(ran(world), ['A', 'B'])
  })

  test('that are disabled, replaced or without a MAPREF are not queued', async ({ assert }) => {
    const world = await createLegacyWorld()
    step(world, 'A', 1)
    world.database.insertSchedule({ MAPREF: 'B', DPND_JOBSCHID: 1, SCHFLG: 'N' })
    world.database.insertSchedule({ MAPREF: 'C', DPND_JOBSCHID: 1, CURFLG: 'N' })
    world.database.insertSchedule({ MAPREF: null, DPND_JOBSCHID: 1 })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    await world.node().run()
    assert.deepEqual(
      world.requests().map(({ REQUEST_ID }) => REQUEST_ID),
      ['R1']
    )
  })

  test('of a run that failed or was stopped are not queued', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A', '; insert into NOWHERE values (1)')
    world.database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    step(world, 'B', 2, 1)
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    await world.node().run()
    assert.equal(world.request('R1').STATUS, 'FAILED')
    assert.lengthOf(world.requests(), 1)
  })

  test('that are queued already are not queued twice', async ({ assert }) => {
    const world = await createLegacyWorld()
    step(world, 'A', 1)
    step(world, 'B', 2, 1)
    world.database.setPool('DWPRCLOGSEQ', 700)
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'D:701:2', MAPREF: 'B', STATUS: 'DONE' })
    await world.node().run()
    assert.deepEqual(ran(world), ['A'])
    assert.equal(world.request('R1').STATUS, 'DONE')
  })

  test('in a loop run once per start of the chain, and the loop is reported', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    step(world, 'A', 1, 3)
    step(world, 'B', 2, 1)
    step(world, 'C', 3, 2)
    step(world, 'SELF', 4, 4)
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'SELF' })
    const node = world.node()
    await node.run()
    assert.deepEqual(ran(world).sort(), ['A', 'B', 'C', 'SELF'])
    assert.deepEqual(world.request('R2').result.loops, ['SELF > SELF'])
    const last = world.requests().find(({ MAPREF }) => MAPREF === 'C')!
    assert.deepEqual(JSON.parse(last.RESULT_PAYLOAD!).loops, ['A > B > C > A'])
    assert.equal(node.counters.get('legacy.dependencyLoops'), 2)
    assert.lengthOf(
      node.logger.messages('warn').filter((text) => /comes back to its start/.test(text)),
      2
    )
  })

  test('of a chain of any depth are queued', async ({ assert }) => {
    const world = await createLegacyWorld()
    const chain = Array.from({ length: 40 }, (_, index) => `STEP_${index}`)
    chain.forEach((mapref, index) => step(world, mapref, index + 1, index || null))
    const before = Array.from({ length: 300 }, (_, index) => `BEFORE_${index}`)
    world.database.insertRequest({
      REQUEST_ID: 'R1',
      MAPREF: 'STEP_0',
      PAYLOAD: JSON.stringify({ source: 'dependency', jobschid: 1, chain: before, params: {} }),
    })
    await world.node().run()
    assert.deepEqual(ran(world), chain)
    const last = world.requests().find(({ MAPREF }) => MAPREF === 'STEP_39')!
    assert.lengthOf(JSON.parse(last.PAYLOAD!).chain, 339)
  })

  test('where there is no request table are not queued', async ({ assert }) => {
    const world = await createLegacyWorld()
    step(world, 'A', 1)
    step(world, 'B', 2, 1)
    world.database.execute('drop table DWPRCREQ')
    await world.fire('A', Date.UTC(2026, 2, 1), 1)
    await world.node().run()
    assert.deepEqual(ran(world), ['A'])
  })
})
