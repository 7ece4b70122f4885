import { test } from '@japa/runner'
import type { HandlerFunction } from '../../src/types/handlers.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import {
  createLegacyWorld,
  Gate,
  type LegacyNode,
  type LegacyWorld,
} from '../helpers/legacy_world.ts'

const BOUND = { handlers: [{ mapref: /^M/, handler: 'load' }], idempotent: [/^M/] }
const QUICK = 40

/** Requests of quick runs, and then of two that a test holds in its hands. */
function ask(world: LegacyWorld): void {
  const maprefs = Array.from({ length: QUICK }, (_, index) => `M${index}`)
  for (const [index, mapref] of [...maprefs, 'MHELD', 'MREADY'].entries()) {
    world.database.insertFlow({ MAPREF: mapref, DWLOGIC: 'none' })
    const REQUESTED_AT = `2026-03-01 10:00:${String(index).padStart(2, '0')}`
    world.database.insertRequest({ REQUEST_ID: `R${mapref}`, MAPREF: mapref, REQUESTED_AT })
  }
}

/** A node with one slot, and a run that holds it while another is ready. */
async function nodeWithOneReady(world: LegacyWorld) {
  ask(world)
  const gate = new Gate()
  let running = 0
  let most = 0
  const calls: string[] = []
  const load: HandlerFunction = async (context) => {
    most = Math.max(most, ++running)
    const { mapref } = context.payload as { mapref: string }
    calls.push(mapref)
    try {
      return mapref === 'MHELD' ? await gate.handle(context) : null
    } finally {
      running--
    }
  }
  const config = { concurrency: 1, prefetch: 100 }
  const node = world.node({ source: BOUND, handlers: { load }, config })
  const over = node.run()
  await gate.called
  await inProgress(world, node, 'MREADY')
  return { node, gate, over, calls, most: () => most }
}

/** Resolves when the run of a MAPREF has its row in progress. */
async function inProgress(world: LegacyWorld, node: LegacyNode, mapref: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = () => {
    if (statusOf(world, mapref).includes('IP')) {
      resolve()
    }
  }
  node.onCommit = look
  look()
  await promise
}

function statusOf(world: LegacyWorld, mapref: string): string[] {
  return world
    .runs()
    .filter(({ MAPREF }) => MAPREF === mapref)
    .map(({ STATUS }) => STATUS)
}

legacyGroup('Places of legacy runs | one slot', () => {
  test('one logic runs at a time, however many begin and end together', async ({ assert }) => {
    const world = await createLegacyWorld()
    const { gate, over, calls, most } = await nodeWithOneReady(world)
    assert.notInclude(calls, 'MREADY')
    assert.deepEqual(statusOf(world, 'MREADY'), ['IP'])
    gate.open()
    await over
    assert.lengthOf(calls, QUICK + 2)
    assert.equal(new Set(calls).size, QUICK + 2)
    assert.equal(most(), 1)
    assert.isTrue(world.requests().every(({ STATUS }) => STATUS === 'DONE'))
  })

  test('a run that is ready and is stopped ends as ST, and its logic never begins', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    const { node, gate, over, calls } = await nodeWithOneReady(world)
    const { executionId } = await ready(world)
    await node.cancel(executionId, { reason: 'stopped', by: 'a test' })
    gate.open()
    await over
    assert.notInclude(calls, 'MREADY')
    assert.deepEqual(statusOf(world, 'MREADY'), ['ST'])
    assert.equal(world.request('RMREADY').STATUS, 'FAILED')
  })

  test('a run that finds no slot is handed back, and runs once', async ({ assert }) => {
    const world = await createLegacyWorld()
    const { gate, over, calls } = await nodeWithOneReady(world)
    await world.clock.advance(5_000)
    gate.open()
    await over
    await world.clock.advance(1_000)
    await world
      .node({
        name: 'n2',
        source: BOUND,
        handlers: { load: async () => void calls.push('MREADY') },
      })
      .run()
    assert.deepEqual(statusOf(world, 'MREADY'), ['FL', 'PC'])
    assert.lengthOf(
      calls.filter((mapref) => mapref === 'MREADY'),
      1
    )
    assert.equal(world.request('RMREADY').STATUS, 'DONE')
  })
})

async function ready(world: LegacyWorld): Promise<{ executionId: string }> {
  const executions = await world.executions()
  const found = executions.find(
    ({ payload }) => (payload as { mapref?: string }).mapref === 'MREADY'
  )
  return { executionId: found!.id }
}
