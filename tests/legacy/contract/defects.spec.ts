import { test } from '@japa/runner'
import { LegacyAdapter } from '../../../src/legacy/adapter.ts'
import { resolveLegacyConfig } from '../../../src/legacy/config.ts'
import { createTestAlmanac } from '../../../src/testing/factory.ts'
import { ManualClock } from '../../../src/testing/manual_clock.ts'
import { preview } from '../../../src/triggers/main.ts'
import type { HandlerContext } from '../../../src/types/handlers.ts'
import { legacyDriver } from '../../helpers/legacy_database.ts'
import { problemsOf } from '../../helpers/legacy_facade.ts'
import type { LegacyNode, LegacyWorld } from '../../helpers/legacy_world.ts'
import { contractGroup, type Contract } from './support.ts'

const BOUND = { handlers: [{ mapref: 'A', handler: 'load' }] }
const DAY = 86_400_000
const DAILY = { frqcd: 'DL', frqhh: 6, frqmi: 30, strtdt: '2998-01-01' }

/** A handler that runs until it is told to end. */
function endless() {
  const called = Promise.withResolvers<HandlerContext>()
  const ended = { count: 0 }
  const load = async (context: HandlerContext) => {
    const aborted = new Promise((resolve) => context.signal.addEventListener('abort', resolve))
    called.resolve(context)
    await aborted
    ended.count++
    context.signal.throwIfAborted()
  }
  return { load, called: called.promise, ended }
}

/** What the others do about a node that is dead. */
async function takeOver(world: LegacyWorld, dead: LegacyNode, heir: LegacyNode): Promise<void> {
  await heir.adapter.recover()
  dead.leave()
  await world.rescue()
  await heir.adapter.recover()
  await heir.run()
}

function parentAndChild({ world, database }: Contract) {
  for (const [MAPREF, JOBFLWID] of [
    ['P', 70],
    ['C', 71],
    ['G', 72],
  ] as const) {
    database.insertFlow({ MAPREF, JOBFLWID, JOBID: JOBFLWID })
  }
  return world.node().adapter.pkgdwprc
}

contractGroup('Defects that did not come along', (open) => {
  test('1: two nodes never run the same request twice', async ({ assert }) => {
    const { world, requester } = open()
    for (let index = 0; index < 15; index++) {
      world.ledgerFlow(`M${index}`)
      requester.ask('IMMEDIATE', `M${index}`)
    }
    const nodes = [
      world.node({ name: 'n1' }),
      world.node({ name: 'n2' }),
      world.node({ name: 'n3' }),
    ]
    await Promise.all(nodes.map((node) => node.run()))
    await nodes[0].run()
    const runs = requester.table('DWPRCLOG', 'PRCID')
    assert.lengthOf(world.ledger(), 15)
    assert.equal(new Set(runs.map(({ MAPREF }) => MAPREF)).size, 15)
    assert.lengthOf(runs, 15)
  })

  test('2: an unknown type and broken JSON fail alone, and the queue goes on', async ({
    assert,
  }) => {
    const { world, requester } = open()
    world.ledgerFlow('GOOD')
    const unknown = requester.ask('TELEPORT', 'GOOD')
    const broken = requester.ask('IMMEDIATE', 'OTHER', '{"params": ')
    const good = requester.ask('IMMEDIATE', 'GOOD')
    const node = world.node()
    for (const id of [good, unknown, broken]) {
      await requester.end(node, id)
    }
    assert.equal(requester.read(good).STATUS, 'DONE')
    for (const [id, reason] of [
      [unknown, /TELEPORT/],
      [broken, /not JSON/],
    ] as const) {
      const { STATUS, result } = requester.read(id)
      assert.equal(STATUS, 'FAILED')
      assert.match(String(result.message), reason)
    }
  })

  test('3: what a dead node has claimed runs elsewhere, and its row IP is closed', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    database.insertFlow({ MAPREF: 'A' })
    world.ledgerFlow('B')
    const started = requester.ask('IMMEDIATE', 'A')
    const { load, called } = endless()
    const clock = new ManualClock(world.clock.now())
    const dead = world.node({ name: 'n1', source: BOUND, handlers: { load }, clock })
    void dead.run().catch(() => {})
    await called
    const claimed = requester.ask('IMMEDIATE', 'B', null, {
      STATUS: 'CLAIMED',
      CLAIMED_BY: `${dead.nodeId}.lost`,
    })
    const heir = world.node({ name: 'n2', source: BOUND, handlers: { load } })
    await takeOver(world, dead, heir)
    assert.containSubset(requester.runs('A')[0], { STATUS: 'FL' })
    assert.match(String(requester.runs('A')[0].MSG), /node lost/)
    assert.equal(requester.read(started).STATUS, 'FAILED')
    const { STATUS } = await requester.end(heir, claimed)
    assert.equal(STATUS, 'DONE')
  })

  test('4: a schedule that was edited in place holds at the next look', async ({ assert }) => {
    const { world, database } = open()
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A' })
    const node = world.node()
    await node.adapter.sync()
    database.execute('update DWJOBSCH set FRQHH = 9 where JOBSCHID = 1')
    await node.adapter.sync()
    const [[before], [after]] = node.synced
    assert.notEqual(after.hash, before.hash)
    const [slot] = preview(after.trigger!, { from: new Date('2026-03-01T00:00:00Z'), count: 1 })
    assert.equal(slot.toISOString().slice(11, 16), '09:00')
  })

  test('5: a schedule that is replaced keeps its parent and its children', async ({ assert }) => {
    const contract = open()
    const pkgdwprc = parentAndChild(contract)
    for (const mapref of ['P', 'C', 'G']) {
      await pkgdwprc.createJobSchedule({ mapref, ...DAILY })
    }
    await pkgdwprc.createJobDependency({ parentMapref: 'P', childMapref: 'C' })
    await pkgdwprc.createJobDependency({ parentMapref: 'C', childMapref: 'G' })
    const { jobschid } = await pkgdwprc.createJobSchedule({ mapref: 'C', ...DAILY, frqhh: 7 })
    const current = contract.requester
      .table('DWJOBSCH', 'JOBSCHID')
      .filter(({ CURFLG }) => CURFLG === 'Y')
    const of = (mapref: string) => current.find(({ MAPREF }) => MAPREF === mapref)!
    assert.equal(Number(of('C').JOBSCHID), jobschid)
    assert.equal(Number(of('C').DPND_JOBSCHID), Number(of('P').JOBSCHID))
    assert.equal(Number(of('G').DPND_JOBSCHID), jobschid)
  })

  test('6: STOP ends the work, and its row as ST', async ({ assert }) => {
    const { world, requester, database } = open()
    database.insertFlow({ MAPREF: 'A' })
    const { load, called, ended } = endless()
    const node = world.node({ source: BOUND, handlers: { load } })
    const id = requester.ask('IMMEDIATE', 'A')
    const running = node.run()
    await called
    const stop = requester.ask('STOP', 'A', { force: 'Y' })
    for (let looks = 0; looks < 500 && requester.isOpen(stop); looks++) {
      await node.sources[0].control!()
    }
    await running
    assert.equal(ended.count, 1)
    const [run] = requester.runs('A')
    assert.equal(run.STATUS, 'ST')
    assert.isNotNull(run.ENDDT)
    assert.containSubset(requester.read(id), { STATUS: 'FAILED', result: { status: 'ST' } })
    assert.equal(requester.read(stop).STATUS, 'DONE')
  })

  test('7: FN is every second week', async ({ assert }) => {
    const { world, database } = open()
    const codes = { FRQCD: 'FN', FRQDD: 'MON', FRQHH: '6', FRQMI: '0' }
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', STRTDT: '2026-01-05 00:00:00', ...codes })
    const node = world.node()
    await node.adapter.sync()
    const from = new Date('2026-01-01T00:00:00Z')
    const slots = preview(node.synced[0][0].trigger!, { from, count: 3 })
    assert.deepEqual(
      slots.map((slot) => slot.toISOString().slice(0, 10)),
      ['2026-01-05', '2026-01-19', '2026-02-02']
    )
  })

  test('8: requests do not wait for the next poll: 40 are done before any time has passed', async ({
    assert,
  }) => {
    const { world, requester } = open()
    for (let index = 0; index < 40; index++) {
      world.ledgerFlow(`M${index}`)
      requester.ask('IMMEDIATE', `M${index}`)
    }
    const began = world.clock.now()
    await world.node().run()
    assert.equal(world.clock.now(), began)
    assert.isTrue(world.requests().every(({ STATUS }) => STATUS === 'DONE'))
  })

  test('9: ids come from the database alone: without them nothing is written', async ({
    assert,
  }) => {
    const contract = open()
    const { world, requester, database } = contract
    world.ledgerFlow('A')
    const node = world.node()
    await node.adapter.sync()
    const entities = database.rows<{ ENTITY_NAME: string }>('select * from DMS_IDPOOL')
    database.execute('delete from DMS_IDPOOL')
    try {
      const id = requester.ask('IMMEDIATE', 'A')
      await node.run().catch(() => {})
      assert.isEmpty(requester.table('DWPRCLOG', 'PRCID'))
      assert.notEqual(requester.read(id).STATUS, 'DONE')
      await assert.rejects(
        () => node.adapter.pkgdwprc.createJobSchedule({ mapref: 'A', ...DAILY }),
        /has no row for ENTITY_NAME/i
      )
    } finally {
      for (const { ENTITY_NAME } of entities) {
        database.setPool(ENTITY_NAME, 0)
      }
    }
  })

  test('10: a history load goes on at the day that failed, not at its first', async ({
    assert,
  }) => {
    const { world, requester, database } = open()
    database.insertFlow({ MAPREF: 'A' })
    const days: string[] = []
    let broken = true
    const load = async ({ payload }: HandlerContext<{ params: { param1: string } }>) => {
      const { param1 } = payload.params
      if (broken && param1 === '02-Jan-2026') {
        throw new Error('no space left')
      }
      days.push(param1)
    }
    const node = world.node({ source: BOUND, handlers: { load: load as never } })
    const range = { start_date: '2026-01-01', end_date: '2026-01-03' }
    const id = requester.ask('HISTORY', 'A', range)
    const first = await requester.end(node, id)
    assert.equal(first.STATUS, 'FAILED')
    assert.match(String(first.result.message), /day 2026-01-02 .*no space left/)
    broken = false
    await node.adapter.requests.retry(id)
    const second = await requester.end(node, id)
    assert.equal(second.STATUS, 'DONE')
    assert.deepEqual(days, ['01-Jan-2026', '02-Jan-2026', '03-Jan-2026'])
    const statuses = requester.runs('A').map(({ STATUS }) => STATUS)
    assert.deepEqual(statuses, ['PC', 'FL', 'PC', 'PC'])
  })

  test('11: a timeout closes the row as FL', async ({ assert }) => {
    const { world, requester, database } = open()
    database.insertFlow({ MAPREF: 'A' })
    const { load, called } = endless()
    const config = { timeout: 5_000 }
    const node = world.node({ source: BOUND, handlers: { load }, config })
    const id = requester.ask('IMMEDIATE', 'A')
    const running = node.run()
    await called
    await world.clock.advance(5_000)
    await running
    const [run] = requester.runs('A')
    assert.equal(run.STATUS, 'FL')
    assert.isNotNull(run.ENDDT)
    assert.match(String(run.MSG), /timed out after 5000 ms/)
    assert.equal(requester.read(id).STATUS, 'FAILED')
  })

  test('12: fires that a downtime missed are told, and the newest runs once', async ({
    assert,
  }) => {
    const { database } = open()
    database.insertFlow({ MAPREF: 'A' })
    database.insertSchedule({ JOBSCHID: 1, MAPREF: 'A', STRTDT: '2026-01-01 00:00:00' })
    await using app = await createTestAlmanac()
    const config = resolveLegacyConfig({
      sources: {
        dw: {
          connection: 'warehouse',
          timezone: 'UTC',
          preset: database.names.preset,
          handlers: [{ mapref: 'A', handler: 'load' }],
        },
      },
    }).sources.get('dw')!
    app.almanac.register('load', async () => {})
    const { clock, logger, counters } = app
    const deps = { clock, logger, counters, driver: legacyDriver, client: database.client() }
    const adapter = new LegacyAdapter({ scheduler: app.almanac, config, ...deps })
    adapter.attach()
    await adapter.sync()
    await app.tick(5 * DAY)
    const executions = await app.storage.executions.list({ limit: 100 })
    const missed = executions.filter(({ state }) => state === 'missed')
    assert.lengthOf(
      executions.filter(({ state }) => state === 'succeeded'),
      1
    )
    assert.deepEqual(
      missed.map(({ slotCount }) => slotCount),
      [4]
    )
  })

  test('13: a loop of dependencies is refused on create, and ends where it would close', async ({
    assert,
  }) => {
    const contract = open()
    const { world, requester, database } = contract
    const pkgdwprc = parentAndChild(contract)
    for (const mapref of ['P', 'C']) {
      await pkgdwprc.createJobSchedule({ mapref, ...DAILY })
    }
    await pkgdwprc.createJobDependency({ parentMapref: 'P', childMapref: 'C' })
    const problems = await problemsOf(() =>
      pkgdwprc.createJobDependency({ parentMapref: 'C', childMapref: 'P' })
    )
    assert.match(problems.parentMapref, /it would form a loop, P > C > P/)

    world.ledgerFlow('X')
    world.ledgerFlow('Y')
    database.insertSchedule({ JOBSCHID: 901, MAPREF: 'X', DPND_JOBSCHID: 902 })
    database.insertSchedule({ JOBSCHID: 902, MAPREF: 'Y', DPND_JOBSCHID: 901 })
    const node = world.node()
    await requester.end(node, requester.ask('IMMEDIATE', 'X'))
    await node.run()
    assert.deepEqual(
      world.ledger().map(({ MAPREF }) => MAPREF),
      ['X', 'Y']
    )
  })
})
