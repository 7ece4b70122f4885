import { test } from '@japa/runner'
import type { Row } from '../../helpers/legacy_database.ts'
import { contractGroup, type Contract } from './support.ts'

/** A flow with a schedule, after the one that a JOBSCHID names. */
function step(
  { world, database }: Contract,
  mapref: string,
  id: number,
  parent?: number,
  row: Row = {}
) {
  world.ledgerFlow(mapref)
  database.insertSchedule({ MAPREF: mapref, JOBSCHID: id, DPND_JOBSCHID: parent ?? null, ...row })
}

const ran = ({ world }: Contract) => world.ledger().map(({ MAPREF }) => MAPREF)

/** Runs all that comes of one request. */
async function start({ world, requester }: Contract, mapref: string) {
  const node = world.node()
  const ended = await requester.end(node, requester.ask('IMMEDIATE', mapref))
  await node.run()
  return { node, ended }
}

contractGroup('The success of a parent', (open) => {
  test('queues every current, enabled child schedule as an IMMEDIATE request', async ({
    assert,
  }) => {
    const contract = open()
    step(contract, 'P', 1)
    step(contract, 'ON', 2, 1)
    step(contract, 'ALSO', 3, 1)
    step(contract, 'OFF', 4, 1, { SCHFLG: 'N' })
    step(contract, 'OLD', 5, 1, { CURFLG: 'N' })
    await start(contract, 'P')
    assert.sameMembers(ran(contract), ['P', 'ON', 'ALSO'])
    const children = contract.world
      .requests()
      .filter(({ REQUEST_ID }) => REQUEST_ID.startsWith('D:'))
    assert.sameMembers(
      children.map(({ MAPREF }) => MAPREF),
      ['ON', 'ALSO']
    )
    assert.isTrue(children.every(({ REQUEST_TYPE }) => REQUEST_TYPE === 'IMMEDIATE'))
  })

  test('is PC alone: a failed parent queues nothing', async ({ assert }) => {
    const contract = open()
    contract.database.insertFlow({ MAPREF: 'P', DWLOGIC: 'insert into NOWHERE values (1)' })
    contract.database.insertSchedule({ MAPREF: 'P', JOBSCHID: 1 })
    step(contract, 'C', 2, 1)
    const { ended } = await start(contract, 'P')
    assert.equal(ended.STATUS, 'FAILED')
    assert.isEmpty(ran(contract))
  })

  test('goes down chains of any depth, and to each once', async ({ assert }) => {
    const contract = open()
    const names = Array.from({ length: 6 }, (_, index) => `C${String(index).padStart(2, '0')}`)
    names.forEach((name, index) => step(contract, name, index + 1, index || undefined))
    await start(contract, 'C00')
    assert.deepEqual(ran(contract), names)
  })

  test('is found through any version of its schedule', async ({ assert }) => {
    const contract = open()
    contract.database.insertSchedule({ MAPREF: 'P', JOBSCHID: 1, CURFLG: 'N' })
    step(contract, 'P', 9)
    step(contract, 'C', 2, 1)
    await start(contract, 'P')
    assert.deepEqual(ran(contract), ['P', 'C'])
  })
})
