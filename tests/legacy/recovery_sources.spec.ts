import { test } from '@japa/runner'
import { concurrencyKeyOf } from '../../src/legacy/ids.ts'
import type { LegacyAdapter } from '../../src/legacy/adapter.ts'
import { sessionIdOf } from '../../src/legacy/claims.ts'
import type { LegacySourceInput } from '../../src/legacy/config.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import type { ExecutionRecord } from '../../src/types/executions.ts'
import type { HandlerFunction } from '../../src/types/handlers.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { createLegacyWorld, type LegacyNode, type LegacyWorld } from '../helpers/legacy_world.ts'

const SLOT = Date.UTC(2026, 2, 1, 6, 0)
const SLOT_ROW = 'S:7:202603010600'
const NEVER = new Promise<never>(() => {})
const BOUND = { handlers: [{ mapref: 'A', handler: 'load' }] }
const NOTHING = { handedBack: 0, writtenBack: 0 }

/** A node of an app with the sources "dw" (north) and "south". */
interface AppNode {
  node: LegacyNode
  north: LegacyAdapter
  south: LegacyAdapter
}

/**
 * An app with two sources, whose tables are alike to the last id: the same
 * MAPREFs, REQUEST_IDs, claims, JOBSCHIDs and PRCIDs mean different runs.
 */
class TwoSources {
  readonly north: LegacyWorld
  readonly south: LegacyWorld

  constructor(north: LegacyWorld, south: LegacyWorld) {
    this.north = north
    this.south = south
  }

  get both(): LegacyWorld[] {
    return [this.north, this.south]
  }

  node(
    name: string,
    options: {
      load?: HandlerFunction
      mortal?: boolean
      north?: Partial<LegacySourceInput>
      south?: Partial<LegacySourceInput>
    } = {}
  ): AppNode {
    const clock = options.mortal ? new ManualClock(this.north.clock.now()) : undefined
    const handlers = options.load && { load: options.load }
    const node = this.north.node({ name, clock, handlers, source: options.north })
    const south = node.addSourceOn(this.south, 'south', options.south)
    return { node, north: node.adapter, south }
  }

  /** The same request, of the same flow, in both. */
  request(flow: (world: LegacyWorld) => void): void {
    for (const world of this.both) {
      flow(world)
      world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    }
  }

  async fire(): Promise<void> {
    await this.north.fire('A', SLOT, 7)
    await this.south.fire('A', SLOT, 7, { source: 'south' })
  }

  /** What the others do about a dead node. */
  async takeOver(dead: AppNode, heir: AppNode): Promise<void> {
    await heir.north.recover()
    await heir.south.recover()
    dead.node.leave()
    await this.north.rescue()
    await heir.north.recover()
    await heir.south.recover()
    await heir.node.run()
  }

  statuses(): string[][] {
    return this.both.map((world) => world.runs().map(({ STATUS }) => STATUS))
  }

  requests(id: string): string[] {
    return this.both.map((world) => world.request(id).STATUS)
  }

  async execution(source: 'dw' | 'south'): Promise<ExecutionRecord> {
    const all = await this.north.executions()
    const ours = all.filter(
      ({ concurrencyKey }) => concurrencyKey === concurrencyKeyOf(source, 'A')
    )
    return ours[0]
  }
}

async function createTwo(): Promise<TwoSources> {
  const north = await createLegacyWorld()
  return new TwoSources(north, await createLegacyWorld(north))
}

/** A node that dies in the handlers of both sources. */
async function diesInside(two: TwoSources, options: Parameters<TwoSources['node']>[1] = {}) {
  const called = Promise.withResolvers<void>()
  let calls = 0
  const load = () => {
    if (++calls === 2) {
      called.resolve()
    }
    return NEVER
  }
  const dead = two.node('n1', { mortal: true, load, north: BOUND, south: BOUND, ...options })
  void dead.node.run()
  await called.promise
  return dead
}

const bound = (world: LegacyWorld) => void world.database.insertFlow({ MAPREF: 'A' })
const atomic = (world: LegacyWorld) => world.ledgerFlow('A')

legacyGroup('Recovery | two sources of one app, alike to the last id', () => {
  test('no row: the logic never began in either, and runs once in each', async ({ assert }) => {
    const two = await createTwo()
    two.request(atomic)
    const dead = two.node('n1', { mortal: true })
    for (const source of dead.node.sources) {
      await dead.node.birth(1, source)
    }
    assert.deepEqual(two.statuses(), [[], []])
    assert.deepEqual(two.requests('R1'), ['CLAIMED', 'CLAIMED'])

    await two.takeOver(dead, two.node('n2'))
    assert.deepEqual(two.statuses(), [['PC'], ['PC']])
    assert.deepEqual(two.requests('R1'), ['DONE', 'DONE'])
    two.both.forEach((world) => assert.lengthOf(world.ledger(), 1))
  })

  test('no row in one, in progress in the other: each by its own tables', async ({ assert }) => {
    const two = await createTwo()
    two.request(bound)
    const dead = await diesInside(two)
    two.north.database.execute('delete from DWPRCLOG')
    let calls = 0
    const heir = two.node('n2', { load: () => void calls++, north: BOUND, south: BOUND })
    await two.takeOver(dead, heir)
    assert.deepEqual(two.statuses(), [['PC'], ['FL']])
    assert.deepEqual(two.requests('R1'), ['DONE', 'FAILED'])
    assert.equal(calls, 1)
  })

  test('closed as PC in one, as FL in the other: ours match their own', async ({ assert }) => {
    const two = await createTwo()
    two.request(bound)
    const dead = await diesInside(two)
    two.north.database.execute(`update DWPRCLOG set STATUS = 'PC'`)
    two.south.database.execute(`update DWPRCLOG set STATUS = 'FL', MSG = 'killed by the DBA'`)
    await two.takeOver(dead, two.node('n2', { north: BOUND, south: BOUND }))
    assert.equal(await stateOf(two, 'dw'), 'succeeded')
    assert.equal(await stateOf(two, 'south'), 'failed')
    assert.deepEqual(two.requests('R1'), ['DONE', 'FAILED'])
    assert.equal(two.south.request('R1').result.message, 'killed by the DBA')
  })

  test('in progress: idempotent in one it runs again, in the other it is lost', async ({
    assert,
  }) => {
    const two = await createTwo()
    two.request(bound)
    const sources = { north: { ...BOUND, idempotent: ['A'] }, south: BOUND }
    const dead = await diesInside(two, sources)
    let calls = 0
    await two.takeOver(dead, two.node('n2', { ...sources, load: () => void calls++ }))
    assert.equal(calls, 1)
    assert.deepEqual(two.statuses(), [['FL', 'PC'], ['FL']])
    assert.deepEqual(two.requests('R1'), ['DONE', 'FAILED'])
    assert.match(String(two.north.runs()[0].MSG), /^node lost/)
    assert.match(String(two.south.request('R1').result.message), /^node lost; .* not run again/)
  })

  test('in progress: an atomic flow of either is run again', async ({ assert }) => {
    const two = await createTwo()
    two.request(atomic)
    const dead = two.node('n1', { mortal: true })
    const stuck = new Set<string>()
    const both = Promise.withResolvers<void>()
    // Each dies before what follows its beginning
    dead.node.onTransaction = (_, source) => {
      const world = source === 'south' ? two.south : two.north
      if (world.runs().length === 0) {
        return
      }
      if (stuck.add(source).size === 2) {
        both.resolve()
      }
      return NEVER
    }
    void dead.node.run()
    await both.promise
    assert.deepEqual(two.statuses(), [['IP'], ['IP']])
    await two.takeOver(dead, two.node('n2'))
    assert.deepEqual(two.statuses(), [
      ['FL', 'PC'],
      ['FL', 'PC'],
    ])
    assert.deepEqual(two.requests('R1'), ['DONE', 'DONE'])
    two.both.forEach((world) => assert.lengthOf(world.ledger(), 1))
  })

  test('slots of the same schedule and minute are rescued each by its own row', async ({
    assert,
  }) => {
    const two = await createTwo()
    two.both.forEach(bound)
    await two.fire()
    const sources = { north: BOUND, south: { ...BOUND, idempotent: ['A'] } }
    const dead = await diesInside(two, sources)
    assert.deepEqual(two.requests(SLOT_ROW), ['CLAIMED', 'CLAIMED'])
    await two.takeOver(dead, two.node('n2', { ...sources, load: () => undefined }))
    assert.deepEqual(two.statuses(), [['FL'], ['FL', 'PC']])
    assert.deepEqual(two.requests(SLOT_ROW), ['FAILED', 'DONE'])
    assert.equal(await stateOf(two, 'dw'), 'failed')
    assert.equal(await stateOf(two, 'south'), 'succeeded')
  })

  test('claimed by a dead boot: no execution in one, ended in the other', async ({ assert }) => {
    const two = await createTwo()
    two.request(bound)
    const dead = await diesInside(two)
    const { id, node, attempt } = await two.execution('south')
    const end = { id, node: node!, attempt, to: 'cancelled' as const, startedAt: null }
    await two.north.storage.executions.settle({
      now: two.north.clock.now(),
      settlements: [{ ...end, reason: 'by hand' }],
    })
    // The same request, that the dead node claimed in both
    const [{ CLAIMED_BY }] = two.north.requests()
    const lost = { REQUEST_ID: 'R2', MAPREF: 'B', STATUS: 'CLAIMED', CLAIMED_BY }
    two.north.database.insertRequest(lost)
    dead.node.leave()
    const heir = two.node('n1')
    assert.deepEqual(await heir.north.recover(), { handedBack: 1, writtenBack: 0 })
    assert.deepEqual(await heir.south.recover(), { handedBack: 0, writtenBack: 1 })
    assert.deepEqual(two.requests('R1'), ['CLAIMED', 'FAILED'])
    assert.containSubset(two.north.request('R2'), { STATUS: 'NEW', CLAIMED_BY: null })
    assert.deepEqual(two.statuses(), [['IP'], ['ST']])
  })

  test('claimed by another program: touched in neither', async ({ assert }) => {
    const two = await createTwo()
    for (const { database } of two.both) {
      const claim = { STATUS: 'CLAIMED', CLAIMED_BY: 'sched01' }
      database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A', ...claim })
    }
    const { north, south } = two.node('n1')
    assert.deepEqual([await north.recover(), await south.recover()], [NOTHING, NOTHING])
    assert.deepEqual(two.requests('R1'), ['CLAIMED', 'CLAIMED'])
  })

  test('a row that names an execution of the other source is none of ours', async ({ assert }) => {
    const two = await createTwo()
    two.both.forEach(bound)
    await two.north.fire('A', SLOT, 7)
    const { node } = two.node('n1', { north: BOUND, load: () => undefined })
    await node.run()
    const { CLAIMED_BY, PAYLOAD } = two.north.request(SLOT_ROW)
    const copy = { REQUEST_ID: SLOT_ROW, MAPREF: 'A', STATUS: 'CLAIMED', CLAIMED_BY, PAYLOAD }
    two.south.database.insertRequest(copy)
    node.leave()
    const heir = two.node('n1')
    assert.deepEqual(await heir.south.recover(), NOTHING)
    assert.deepEqual(two.requests(SLOT_ROW), ['DONE', 'CLAIMED'])
  })

  test('one that cannot be reached hands back, the other goes on', async ({ assert }) => {
    const two = await createTwo()
    two.both.forEach(atomic)
    await two.fire()
    // A queue that cannot be read fails the whole round, which retries by itself
    const { node } = two.node('n1', { south: { requests: false } })
    node.down = ['south']
    await node.run()
    assert.equal(await stateOf(two, 'dw'), 'succeeded')
    assert.containSubset(await two.execution('south'), { state: 'queued', failures: 0, rescues: 0 })
    assert.deepEqual(two.statuses(), [['PC'], []])
    node.down = false
    await two.north.clock.advance(60_000)
    await node.run()
    assert.equal(await stateOf(two, 'south'), 'succeeded')
    assert.deepEqual(two.statuses(), [['PC'], ['PC']])
  })

  test('another program’s run blocks its MAPREF where it is, one of ours nowhere', async ({
    assert,
  }) => {
    const two = await createTwo()
    two.request(atomic)
    const STRTDT = new Date().toISOString().replace('T', ' ').replace('Z', '')
    const foreign = { PRCID: 900_000, MAPREF: 'A', STATUS: 'IP', STRTDT, SESSIONID: 4_711 }
    two.north.database.insert('DWPRCLOG', foreign)
    two.south.database.insert('DWPRCLOG', { ...foreign, SESSIONID: sessionIdOf('n1.0a1b2c3d') })
    await two.node('n1').node.run()
    assert.deepEqual(two.statuses(), [['IP'], ['PC', 'IP']])
    assert.deepEqual(two.requests('R1'), ['NEW', 'DONE'])
  })
})

async function stateOf(two: TwoSources, source: 'dw' | 'south'): Promise<string> {
  const { state } = await two.execution(source)
  return state
}
