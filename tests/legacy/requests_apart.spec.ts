import { getActiveTest, test } from '@japa/runner'
import type { LegacySourceInput } from '../../src/legacy/config.ts'
import { openLegacyTables } from '../../src/legacy/tables/main.ts'
import { createLegacyDatabase, type LegacyDatabase } from '../helpers/legacy_database.ts'
import { activeKind, kinds, legacyGroup } from '../helpers/legacy_group.ts'
import type { LegacyKind } from '../helpers/legacy_places.ts'
import { createLegacyWorld, type LegacyWorld } from '../helpers/legacy_world.ts'
import { legacySource, RecordingLogger } from './support.ts'

/** A database that has nothing but the request table. */
async function requestDatabase(kind: LegacyKind): Promise<LegacyDatabase> {
  const database = await createLegacyDatabase({ kind })
  getActiveTest()?.cleanup(() => database.cleanup())
  for (const table of ['DWJOBSCH', 'DWJOBFLW', 'DWPRCLOG', 'DWJOBLOG', 'DWJOBERR', 'DMS_IDPOOL']) {
    database.execute(`drop table ${table}`)
  }
  return database
}

/** Tables without a request table, and one beside them. */
async function apart(kind = activeKind()) {
  const world = await createLegacyWorld()
  world.database.execute('drop table DWPRCREQ')
  const requests = await requestDatabase(kind)
  const node = (source: Partial<LegacySourceInput> = {}) =>
    world.node({ requestsOn: requests, source })
  return { world, requests, node }
}

function statusOf(requests: LegacyDatabase, id: string): unknown {
  return requests.rows('select * from DWPRCREQ where REQUEST_ID = ?', id)[0]?.STATUS
}

function parentAndChild(world: LegacyWorld): void {
  world.ledgerFlow('PARENT')
  world.ledgerFlow('CHILD')
  world.database.insertSchedule({ MAPREF: 'PARENT', JOBSCHID: 1 })
  world.database.insertSchedule({ MAPREF: 'CHILD', JOBSCHID: 2, DPND_JOBSCHID: 1 })
}

legacyGroup('A request table on a connection of its own', (kind) => {
  test('requests, their runs and their children go the whole way', async ({ assert }) => {
    const { world, requests, node } = await apart()
    parentAndChild(world)
    world.database.insertFlow({ MAPREF: 'BAD', DWLOGIC: 'select * from NOWHERE' })
    requests.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'PARENT' })
    requests.insertRequest({ REQUEST_ID: 'R2', MAPREF: 'BAD' })
    const worker = node()
    await worker.run()
    await worker.run()
    assert.equal(statusOf(requests, 'R1'), 'DONE')
    assert.equal(statusOf(requests, 'R2'), 'FAILED')
    assert.deepEqual(
      world.ledger().map(({ MAPREF }) => MAPREF),
      ['PARENT', 'CHILD']
    )
    const [child] = requests.rows("select * from DWPRCREQ where REQUEST_ID like 'D:%'")
    assert.containSubset(child, { MAPREF: 'CHILD', STATUS: 'DONE' })
    assert.sameMembers(
      world.runs().map(({ STATUS }) => STATUS),
      ['PC', 'FL', 'PC']
    )
  })

  test('handlers end there too, several at once', async ({ assert }) => {
    const { world, requests } = await apart()
    const maprefs = Array.from({ length: 8 }, (_, index) => `H${index}`)
    for (const MAPREF of maprefs) {
      world.database.insertFlow({ MAPREF })
      requests.insertRequest({ REQUEST_ID: MAPREF, MAPREF })
    }
    const worker = world.node({
      requestsOn: requests,
      handlers: { note: async () => ({ target_rows: 3 }) },
      source: { handlers: [{ mapref: 'H*', handler: 'note' }] },
    })
    await worker.run()
    assert.deepEqual(
      maprefs.map((id) => statusOf(requests, id)),
      maprefs.map(() => 'DONE')
    )
    assert.isTrue(world.runs().every(({ STATUS }) => STATUS === 'PC'))
  })

  test('a scheduled run has its guard there', async ({ assert }) => {
    const { world, requests, node } = await apart()
    world.ledgerFlow('A')
    world.database.insertSchedule({ MAPREF: 'A', JOBSCHID: 7 })
    const slot = world.clock.now()
    const worker = node()
    await world.fire('A', slot)
    await worker.run()
    const guard = `S:7:${new Date(slot).toISOString().slice(0, 16).replace(/\D/g, '')}`
    assert.equal(statusOf(requests, guard), 'DONE')
    assert.lengthOf(world.ledger(), 1)
  })

  test('an end that was not told to the request is made up for', async ({ assert }) => {
    const { world, requests } = await apart()
    world.ledgerFlow('A')
    requests.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const worker = world.node({ requestsOn: requests })
    // The process ends between the two commits: the run is closed, its request is not
    let commits = 0
    worker.onCommit = () => {
      const [run] = world.runs()
      if (run?.STATUS === 'PC' && commits++ === 0) {
        throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' })
      }
    }
    for (let round = 0; round < 10 && statusOf(requests, 'R1') !== 'DONE'; round++) {
      await worker.run()
      await world.clock.advance(5_000)
      await worker.adapter.recover()
    }
    assert.equal(statusOf(requests, 'R1'), 'DONE')
    assert.isAbove(commits, 0)
    assert.lengthOf(world.ledger(), 1)
    assert.deepEqual(
      world.runs().map(({ STATUS }) => STATUS),
      ['PC']
    )
  })

  test('a run that cannot be written leaves its request as it was', async ({ assert }) => {
    const { world, requests, node } = await apart()
    world.ledgerFlow('A')
    requests.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'A' })
    const taken = node()
    world.database.place.refuse('insert', 'DWPRCLOG', 'new.PRCID > 0', 'no space')
    await taken.run().catch(() => {})
    assert.notEqual(statusOf(requests, 'R1'), 'DONE')
    assert.isEmpty(world.ledger())
  })

  test('a table that is missing there is named with that connection', async ({ assert }) => {
    const { world, requests } = await apart()
    requests.execute('drop table DWPRCREQ')
    const connection = world.database.connection({ requestClient: requests.client() })
    const config = legacySource({ requestConnection: 'app', requests: true })
    await assert.rejects(
      () => openLegacyTables({ connection, config, logger: new RecordingLogger() }),
      /table DWPRCREQ does not exist on connection "app"/
    )
  })

  const other = kinds.find(({ name }) => name !== kind.name && name !== 'postgres')!
  test(`it may be on another kind of database: ${other.title}`, async ({ assert }) => {
    const { world, requests, node } = await apart(other)
    parentAndChild(world)
    requests.insertRequest({ REQUEST_ID: 'R1', MAPREF: 'PARENT' })
    const worker = node()
    await worker.run()
    await worker.run()
    assert.equal(statusOf(requests, 'R1'), 'DONE')
    assert.lengthOf(world.ledger(), 2)
  }).skip(other.service?.available === false, other.service?.reason)
})
