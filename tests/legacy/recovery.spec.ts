import { test } from '@japa/runner'
import { sessionIdOf } from '../../src/legacy/claims.ts'
import { ReleaseSignal } from '../../src/jobs/outcome.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import {
  createLegacyWorld,
  Gate,
  type LegacyNode,
  type LegacyWorld,
} from '../helpers/legacy_world.ts'
import { dieAt, mortal, takeOver } from './dying.ts'

const SLOT = Date.UTC(2026, 2, 1, 6, 0)
const NEVER = new Promise<never>(() => {})
const BOUND = { handlers: [{ mapref: 'A', handler: 'load' }] }

function statuses(world: LegacyWorld): string[] {
  return world.runs().map(({ STATUS }) => STATUS)
}

legacyGroup('Recovery | a node dies at every point of a run', () => {
  test('of an atomic flow: {moment} {what}')
    .with([
      { moment: 'onTransaction', what: 'a request' },
      { moment: 'onCommit', what: 'a request' },
      { moment: 'onTransaction', what: 'a slot' },
      { moment: 'onCommit', what: 'a slot' },
    ] as const)
    .run(async ({ assert }, { moment, what }) => {
      let died = true
      let nth = 1
      for (; died; nth++) {
        const world = await createLegacyWorld()
        world.ledgerFlow('A')
        const slot = what === 'a slot'
        const id = slot ? 'S:7:202603010600' : 'R1'
        if (slot) {
          await world.fire('A', SLOT, 7)
        } else {
          world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
        }
        const dead = mortal(world)
        died = await dieAt(dead, moment, nth)
        await takeOver(world, dead, world.node({ name: 'n2' }))

        const label = `${moment} ${nth}: ${statuses(world).join(' ')}`
        assert.equal(world.request(id).STATUS, 'DONE', label)
        assert.lengthOf(world.ledger(), 1, label)
        assert.lengthOf(
          statuses(world).filter((status) => status === 'PC'),
          1,
          label
        )
        assert.notInclude(statuses(world), 'IP', label)
        assert.equal(world.request(id).result.prcid, world.ledger()[0].PRCID, label)
        const [execution] = await world.executions()
        assert.equal(execution.state, 'succeeded', label)
      }
      assert.isAbove(nth, 4)
    })

  test('of a handler, {kind}: {moment}')
    .with([
      { kind: 'idempotent', moment: 'onTransaction' },
      { kind: 'idempotent', moment: 'onCommit' },
      { kind: 'not idempotent', moment: 'onTransaction' },
      { kind: 'not idempotent', moment: 'onCommit' },
    ] as const)
    .run(async ({ assert }, { kind, moment }) => {
      const source = { ...BOUND, idempotent: kind === 'idempotent' ? ['A'] : [] }
      let died = true
      let most = 0
      let nth = 1
      for (; died; nth++) {
        let calls = 0
        const load = () => void calls++
        const world = await createLegacyWorld()
        world.database.insertFlow({ MAPREF: 'A' })
        world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
        const dead = mortal(world, { source, handlers: { load } })
        died = await dieAt(dead, moment, nth)
        await takeOver(world, dead, world.node({ name: 'n2', source, handlers: { load } }))

        const label = `${moment} ${nth}: ${statuses(world).join(' ')}`
        const { STATUS, result } = world.request('R1')
        assert.notInclude(statuses(world), 'IP', label)
        assert.include(['DONE', 'FAILED'], STATUS, label)
        assert.equal(statuses(world).includes('PC'), STATUS === 'DONE', label)
        if (STATUS === 'FAILED') {
          assert.equal(kind, 'not idempotent', label)
          assert.match(String(result.message), /^node lost; the flow is not declared idempotent/)
        }
        most = Math.max(most, calls)
      }
      assert.isAbove(nth, 4)
      assert.equal(most, kind === 'idempotent' ? 2 : 1)
    })

  test('and the one that takes over dies as well', async ({ assert }) => {
    for (let nth = 1; nth <= 6; nth++) {
      const world = await createLegacyWorld()
      world.ledgerFlow('A')
      world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
      const first = mortal(world)
      await dieAt(first, 'onCommit', 2)
      const second = mortal(world, { name: 'n2' })
      await second.adapter.recover()
      first.leave()
      await world.rescue()
      second.clockForward(60_000)
      await second.adapter.recover()
      const died = await dieAt(second, nth % 2 ? 'onTransaction' : 'onCommit', nth)
      await takeOver(world, second, world.node({ name: 'n3' }))
      const label = `${nth} ${died}: ${statuses(world).join(' ')}`
      assert.equal(world.request('R1').STATUS, 'DONE', label)
      assert.lengthOf(world.ledger(), 1, label)
      assert.notInclude(statuses(world), 'IP', label)
    }
  })

  test('between the claim and the birth', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const dead = mortal(world)
    await claimOnly(dead)
    assert.equal(world.request('R1').STATUS, 'CLAIMED')

    const heir = world.node({ name: 'n2' })
    await heir.adapter.recover()
    assert.equal(world.request('R1').STATUS, 'CLAIMED')
    dead.leave()
    assert.deepEqual(await heir.adapter.recover(), { handedBack: 1, writtenBack: 0 })
    assert.containSubset(world.request('R1'), { STATUS: 'NEW', CLAIMED_BY: null })
    await heir.run()
    assert.equal(world.request('R1').STATUS, 'DONE')
  })

  test('a frozen node that thaws does not run what was handed back', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const frozen = world.node()
    const heir = world.node({ name: 'n2' })
    await frozen.birthAndRun(() => {
      world.database.execute(`update DWPRCREQ set STATUS = 'NEW', CLAIMED_BY = null`)
    })
    await heir.run()
    assert.lengthOf(world.ledger(), 1)
    assert.deepEqual(statuses(world), ['PC'])
    assert.equal(world.request('R1').STATUS, 'DONE')
  })

  test('a thawed run that was taken over is rolled back', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const frozen = mortal(world)
    const thaw = Promise.withResolvers<void>()
    const stuck = Promise.withResolvers<void>()
    const runsBefore = () => world.runs().length
    frozen.onTransaction = async () => {
      if (runsBefore() === 1) {
        frozen.onTransaction = () => {}
        stuck.resolve()
        await thaw.promise
      }
    }
    const running = frozen.run()
    await stuck.promise
    assert.deepEqual(statuses(world), ['IP'])
    const heir = world.node({ name: 'n2' })
    await world.rescue()
    await heir.run()
    assert.deepEqual(statuses(world), ['FL', 'PC'])
    thaw.resolve()
    await running
    assert.deepEqual(statuses(world), ['FL', 'PC'])
    assert.lengthOf(world.ledger(), 1)
    assert.equal(world.request('R1').STATUS, 'DONE')
    const [execution] = await world.executions()
    assert.equal(execution.state, 'succeeded')
  })
})

/** A pull that is cut off after the claim. */
async function claimOnly(node: LegacyNode): Promise<void> {
  const claimed = Promise.withResolvers<void>()
  void node.sources[0].pull({
    count: 10,
    run: () => {
      claimed.resolve()
      return NEVER
    },
  })
  await claimed.promise
}

legacyGroup('Recovery | claimed rows', () => {
  test('of another program are never touched', async ({ assert }) => {
    const world = await createLegacyWorld()
    const claims = ['sched01', 'n9.0a1b2c3d.1', 'n1', 'n1.x.1', 'n1.0a1b2c3d.1.1']
    for (const [index, CLAIMED_BY] of claims.entries()) {
      world.database.insertRequest({
        REQUEST_ID: `R${index}`,
        MAPREF: `M${index}`,
        STATUS: 'CLAIMED',
        CLAIMED_BY,
      })
    }
    assert.deepEqual(await world.node().adapter.recover(), { handedBack: 0, writtenBack: 0 })
    assert.deepEqual(
      world.requests().map(({ CLAIMED_BY }) => CLAIMED_BY),
      claims
    )
  })

  test('with an open execution are left to its lease', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const dead = world.node()
    await dead.birth(1)
    dead.leave()
    const heir = world.node({ name: 'n2' })
    assert.deepEqual(await heir.adapter.recover(), { handedBack: 0, writtenBack: 0 })
    assert.equal(world.request('R1').STATUS, 'CLAIMED')
  })

  test('that this process has lost track of go back', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.ledgerFlow('B')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'B' })
    const node = world.node()
    const [source] = node.sources
    await assert.rejects(() =>
      source.pull({
        count: 1,
        run: () => {
          // The rows cannot even be given back
          node.down = true
          throw new Error('the store is away')
        },
      })
    )
    node.down = false
    void claimOnly(node)
    await world.clock.settle(20)
    assert.deepEqual(await node.adapter.recover(), { handedBack: 1, writtenBack: 0 })
    assert.equal(world.request('R1').STATUS, 'NEW')
    assert.equal(world.request('R2').STATUS, 'CLAIMED')
  })

  test('of a control request of a dead node are done again', async ({ assert }) => {
    const world = await createLegacyWorld()
    const CLAIMED_BY = 'n1.0a1b2c3d.5'
    world.database.insertRequest({
      REQUEST_ID: 'R1',
      MAPREF: 'ALL',
      REQUEST_TYPE: 'REFRESH_SCHEDULE',
      STATUS: 'CLAIMED',
      CLAIMED_BY,
    })
    const node = world.node()
    await node.adapter.recover()
    assert.equal(world.request('R1').STATUS, 'NEW')
    await node.run()
    assert.equal(world.request('R1').STATUS, 'DONE')
  })

  test('of a slot without an execution of ours are another installation’s', async ({ assert }) => {
    const world = await createLegacyWorld()
    const payloads = ['{"source":"schedule","execution":"unknown"}', 'not json', '[]', null]
    for (const [index, PAYLOAD] of payloads.entries()) {
      world.database.insertRequest({
        REQUEST_ID: `S:${index}:202603010600`,
        MAPREF: `M${index}`,
        STATUS: 'CLAIMED',
        CLAIMED_BY: 'n1.0a1b2c3d.5',
        PAYLOAD,
      })
    }
    assert.deepEqual(await world.node().adapter.recover(), { handedBack: 0, writtenBack: 0 })
    assert.isTrue(world.requests().every(({ STATUS }) => STATUS === 'CLAIMED'))
  })
})

legacyGroup('Recovery | executions that ended without their write-back', () => {
  /** Ends the one execution there is in our own store alone. */
  async function endBehind(world: LegacyWorld, to: 'succeeded' | 'cancelled' | 'abandoned') {
    const [{ id, node, attempt }] = await world.executions()
    await world.storage.executions.settle({
      now: world.clock.now(),
      settlements: [{ id, node: node!, attempt, to, startedAt: null, reason: 'by hand' }],
    })
  }

  test('{to}: {status}')
    .with([
      { to: 'succeeded', status: 'PC', request: 'DONE' },
      { to: 'cancelled', status: 'ST', request: 'FAILED' },
      { to: 'abandoned', status: 'FL', request: 'FAILED' },
    ] as const)
    .run(async ({ assert }, { to, status, request }) => {
      const world = await createLegacyWorld()
      world.database.insertFlow({ MAPREF: 'A' })
      world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
      const gate = new Gate()
      const dead = mortal(world, { source: BOUND, handlers: { load: gate.handle } })
      void dead.run()
      await gate.called
      await endBehind(world, to)
      dead.leave()
      const heir = world.node()
      assert.deepEqual(await heir.adapter.recover(), { handedBack: 0, writtenBack: 1 })
      assert.deepEqual(statuses(world), [status])
      assert.equal(world.request('R1').STATUS, request)
      assert.deepEqual(await heir.adapter.recover(), { handedBack: 0, writtenBack: 0 })
    })

  test('after it was handed back: what became of it counts, not its last row', async ({
    assert,
  }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const load = () => {
      throw new ReleaseSignal('1h', 'not yet')
    }
    const node = world.node({ source: BOUND, handlers: { load } })
    await node.run()
    const [{ id }] = await world.executions()
    await node.cancel(id, { reason: 'not wanted any more', by: 'test' })
    await node.adapter.recover()
    assert.deepEqual(statuses(world), ['FL'])
    assert.containSubset(world.request('R1'), {
      STATUS: 'FAILED',
      result: { status: 'ST', message: 'not wanted any more' },
    })
  })

  test('before it began: the request alone says so', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    await node.birth(1)
    await endBehind(world, 'cancelled')
    await node.adapter.recover()
    assert.containSubset(world.request('R1'), { STATUS: 'FAILED', result: { status: 'ST' } })
    assert.isEmpty(world.runs())
  })

  test('where no request row leads to the run', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.execute('drop table DWPRCREQ')
    world.database.insertFlow({ MAPREF: 'A' })
    await world.fire('A', SLOT, 7)
    const gate = new Gate()
    const dead = mortal(world, { source: BOUND, handlers: { load: gate.handle } })
    void dead.run()
    await gate.called
    await endBehind(world, 'abandoned')
    dead.leave()
    assert.deepEqual(await world.node().adapter.recover(), { handedBack: 0, writtenBack: 1 })
    assert.deepEqual(statuses(world), ['FL'])
    assert.match(world.runs()[0].MSG!, /^abandoned: by hand/)
  })

  test('what runs here is left alone, and so is what nobody knows', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const SESSIONID = sessionIdOf('n1.ffffffff')
    world.database.insert('DWPRCLOG', { PRCID: 1, MAPREF: 'Z', STATUS: 'IP', SESSIONID })
    world.database.insert('DWPRCLOG', { PRCID: 2, MAPREF: 'Z', STATUS: 'IP', SESSIONID: 5 })
    const gate = new Gate()
    const node = world.node({ source: BOUND, handlers: { load: gate.handle } })
    const running = node.run()
    await gate.called
    await endBehind(world, 'abandoned')
    assert.deepEqual(await node.adapter.recover(), { handedBack: 0, writtenBack: 0 })
    assert.deepEqual(statuses(world), ['IP', 'IP', 'IP'])
    gate.open()
    await running
    assert.deepEqual(statuses(world), ['IP', 'IP', 'PC'])
  })

  test('one row that cannot be recovered does not stop the others', async ({ assert }) => {
    const world = await createLegacyWorld()
    for (const mapref of ['A', 'B']) {
      world.ledgerFlow(mapref)
      world.database.insertRequest({ REQUEST_ID: mapref, MAPREF: mapref })
    }
    const node = world.node()
    const born = await node.birth(2)
    for (const { id, attempt } of born) {
      await world.storage.executions.settle({
        now: world.clock.now(),
        settlements: [{ id, node: node.nodeId, attempt, to: 'cancelled', startedAt: null }],
      })
    }
    const when = `old.REQUEST_ID = 'A' and new.STATUS = 'FAILED'`
    world.database.place.refuse('update', 'DWPRCREQ', when, 'no')
    assert.deepEqual(await node.adapter.recover(), { handedBack: 0, writtenBack: 1 })
    assert.equal(world.request('A').STATUS, 'CLAIMED')
    assert.equal(world.request('B').STATUS, 'FAILED')
    assert.equal(node.counters.get('legacy.recoveryErrors'), 1)
  })
})

legacyGroup('Recovery | a run by its PRCID', () => {
  async function interrupted(world: LegacyWorld) {
    world.database.insertFlow({ MAPREF: 'A' })
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const called = Promise.withResolvers<HandlerContext>()
    const dead = mortal(world, {
      source: BOUND,
      handlers: {
        load: (context) => {
          called.resolve(context)
          return NEVER
        },
      },
    })
    void dead.run()
    await called.promise
    return dead
  }

  test('closed as {status} by another hand: ours is settled to match, the request ended')
    .with([
      { status: 'PC', state: 'succeeded', request: 'DONE' },
      { status: 'FL', state: 'failed', request: 'FAILED' },
      { status: 'ST', state: 'cancelled', request: 'FAILED' },
    ])
    .run(async ({ assert }, { status, state, request }) => {
      const world = await createLegacyWorld()
      const dead = await interrupted(world)
      world.database.execute(`update DWPRCLOG set STATUS = '${status}'`)
      let calls = 0
      const load = () => void calls++
      await takeOver(world, dead, world.node({ name: 'n2', source: BOUND, handlers: { load } }))
      assert.equal(calls, 0)
      const [execution] = await world.executions()
      assert.equal(execution.state, state)
      assert.containSubset(world.request('R1'), { STATUS: request, result: { status } })
    })

  test('closed by another hand while it runs here', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    node.onTransaction = () => {
      if (world.runs().length === 1) {
        world.database.execute(`update DWPRCLOG set STATUS = 'FL', MSG = 'killed by the DBA'`)
      }
    }
    await node.run()
    assert.deepEqual(statuses(world), ['FL'])
    assert.isEmpty(world.ledger())
    const [execution] = await world.executions()
    assert.containSubset(execution, { state: 'failed', error: { message: 'killed by the DBA' } })
    assert.equal(world.request('R1').STATUS, 'FAILED')
  })

  test('deleted by another hand while it runs here', async ({ assert }) => {
    const world = await createLegacyWorld()
    world.ledgerFlow('A')
    world.database.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const node = world.node()
    node.onTransaction = () => {
      if (world.runs().length === 1) {
        node.onTransaction = () => {}
        world.database.execute('delete from DWPRCLOG')
      }
    }
    await node.run()
    assert.deepEqual(statuses(world), ['PC'])
    assert.lengthOf(world.ledger(), 1)
    assert.equal(world.request('R1').STATUS, 'DONE')
  })
})
