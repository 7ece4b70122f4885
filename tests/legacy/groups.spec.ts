import { test } from '@japa/runner'
import { Counters } from '../../src/counters.ts'
import { Groups } from '../../src/legacy/groups.ts'
import { RecordingLogger } from '../../src/testing/recording_logger.ts'
import type { HandlerFunction } from '../../src/types/handlers.ts'
import { activeKind, legacyGroup } from '../helpers/legacy_group.ts'
import { createLegacyWorld, type LegacyWorld } from '../helpers/legacy_world.ts'
import { dieAt, mortal, takeOver } from './dying.ts'

const BOUND = { handlers: [{ mapref: /^[A-F]$/, handler: 'load' }] }

interface Payload {
  mapref: string
  prcid: number
}

/** Requests `R<mapref>` for flows that the handler `load` runs. */
function ask(world: LegacyWorld, maprefs: string[]): void {
  for (const mapref of maprefs) {
    world.database.insertFlow({ MAPREF: mapref, DWLOGIC: 'none' })
    world.database.insertRequest({ REQUEST_ID: `R${mapref}`, MAPREF: mapref })
  }
}

/** A handler whose runs all go on together, once so many have come. */
function meeting(count: number, then: (payload: Payload) => unknown = () => null) {
  const all = Promise.withResolvers<void>()
  const calls: string[] = []
  const load: HandlerFunction = async ({ payload }) => {
    const given = payload as unknown as Payload
    calls.push(given.mapref)
    if (calls.length === count) {
      all.resolve()
    }
    await all.promise
    return then(given)
  }
  return { load, calls }
}

function statuses(world: LegacyWorld): Record<string, string> {
  return Object.fromEntries(world.runs().map(({ MAPREF, STATUS }) => [MAPREF, STATUS]))
}

function answers(world: LegacyWorld): Record<string, string> {
  return Object.fromEntries(world.requests().map((row) => [row.REQUEST_ID, row.STATUS]))
}

/** Another transaction changes a request, and takes its time. @returns what ends it */
async function lock(world: LegacyWorld, requestId: string): Promise<() => Promise<void>> {
  const trx = await world.database.client().transaction()
  await trx
    .from(activeKind().name === 'postgres' ? 'dwprcreq' : 'DWPRCREQ')
    .where('request_id', requestId)
    .update({ result_payload: null })
  return () => trx.rollback()
}

async function states(world: LegacyWorld): Promise<string[]> {
  const executions = await world.executions()
  return executions.map(({ state, failures }) => `${state}, ${failures} failures`)
}

function away(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
}

legacyGroup('Groups | runs that begin together', (kind) => {
  test('share a transaction, and one more when they end together', async ({ assert }) => {
    const world = await createLegacyWorld()
    const maprefs = ['A', 'B', 'C', 'D']
    ask(world, maprefs)
    const { load } = meeting(maprefs.length)
    const node = world.node({ source: BOUND, handlers: { load } })
    const seen: string[] = []
    node.onStatement = (sql) => seen.push(sql)
    let commits = 0
    node.onCommit = () => void commits++
    await node.run()
    assert.deepEqual(statuses(world), { A: 'PC', B: 'PC', C: 'PC', D: 'PC' })
    assert.deepEqual(answers(world), { RA: 'DONE', RB: 'DONE', RC: 'DONE', RD: 'DONE' })
    // Two for the ids: PRCIDs, and those of the counts
    assert.equal(commits, 4)
    assert.equal(node.counters.get('legacy.groupsRefused'), 0)
    if (kind.name !== 'sqlite') {
      assert.lengthOf(
        seen.filter((sql) => /(insert into|update)\W+DWPRCLOG/i.test(sql)),
        2
      )
    }
  })

  test('leave the one out whose request is not its own any more', async ({ assert }) => {
    const world = await createLegacyWorld()
    ask(world, ['A', 'B', 'C'])
    const { load, calls } = meeting(2)
    const node = world.node({ source: BOUND, handlers: { load } })
    await node.birthAndRun(() =>
      world.database.execute(`update DWPRCREQ set CLAIMED_BY = 'other' where REQUEST_ID = 'RB'`)
    )
    assert.sameMembers(calls, ['A', 'C'])
    assert.deepEqual(statuses(world), { A: 'PC', C: 'PC' })
    assert.equal(world.request('RB').STATUS, 'CLAIMED')
    assert.sameMembers(await states(world), [
      'succeeded, 0 failures',
      'cancelled, 0 failures',
      'succeeded, 0 failures',
    ])
  })

  test('are not held up by the one whose PRCID is taken', async ({ assert }) => {
    const world = await createLegacyWorld()
    ask(world, ['A', 'B', 'C'])
    world.database.insert('DWPRCLOG', { PRCID: 2, MAPREF: 'Z', STATUS: 'PC' })
    const { load, calls } = meeting(3)
    const node = world.node({ source: BOUND, handlers: { load } })
    await node.run()
    assert.sameMembers(calls, ['A', 'B', 'C'])
    assert.deepEqual(statuses(world), { A: 'PC', B: 'PC', C: 'PC', Z: 'PC' })
    assert.deepEqual(answers(world), { RA: 'DONE', RB: 'DONE', RC: 'DONE' })
    assert.equal(node.counters.get('legacy.groupsRefused'), 1)
  })

  test('go on under new PRCIDs when the answer of their commit is lost', async ({ assert }) => {
    const world = await createLegacyWorld()
    ask(world, ['A', 'B'])
    const { load, calls } = meeting(2)
    const node = world.node({ source: BOUND, handlers: { load } })
    node.onCommit = () => {
      if (world.runs().length > 0) {
        node.onCommit = () => {}
        throw away()
      }
    }
    await node.run()
    assert.isEmpty(calls)
    assert.deepEqual(await states(world), ['queued, 0 failures', 'queued, 0 failures'])
    await world.clock.advance(1_000)
    await node.run()
    assert.sameMembers(calls, ['A', 'B'])
    assert.deepEqual(
      world.runs().map(({ STATUS }) => STATUS),
      ['FL', 'FL', 'PC', 'PC']
    )
    assert.deepEqual(answers(world), { RA: 'DONE', RB: 'DONE' })
  })
})

legacyGroup('Groups | runs that end together', () => {
  test('end each as it did, whatever became of the others', async ({ assert }) => {
    const world = await createLegacyWorld()
    const { database } = world
    ask(world, ['A', 'B', 'C', 'D', 'E', 'F'])
    const parent = database.insertSchedule({ MAPREF: 'D' })
    database.insertSchedule({ JOBSCHID: 90, MAPREF: 'CHILD', DPND_JOBSCHID: parent })
    const { load } = meeting(6, ({ mapref, prcid }) => {
      switch (mapref) {
        case 'B':
          database.execute(`update DWPRCLOG set STATUS = 'ST' where PRCID = ${prcid}`)
          return null
        case 'C':
          throw new Error(`what's "this"? \0 \ud83d`)
        case 'E':
          database.insert('DWJOBLOG', { JOBLOGID: 77, PRCID: prcid, MAPREF: 'E', SRCROWS: 3 })
          return null
        case 'F':
          database.execute(`update DWPRCREQ set STATUS = 'FAILED' where REQUEST_ID = 'RF'`)
          return null
        default:
          return { sourceRows: 5, targetRows: 4 }
      }
    })
    const node = world.node({ source: BOUND, handlers: { load } })
    await node.jobs.runOnce()
    const expected = { A: 'PC', B: 'ST', C: 'FL', D: 'PC', E: 'PC', F: 'PC' }
    assert.containSubset(statuses(world), expected)
    assert.containSubset(answers(world), {
      RA: 'DONE',
      RB: 'FAILED',
      RC: 'FAILED',
      RD: 'DONE',
      RE: 'DONE',
      RF: 'FAILED',
    })
    const prcids = new Map(world.runs().map(({ MAPREF, PRCID }) => [MAPREF, PRCID]))
    const child = `D:${prcids.get('D')}:90`
    assert.deepEqual(world.request('RD').result.children, [child])
    assert.equal(world.request(child).MAPREF, 'CHILD')
    assert.match(String(world.request('RC').result.message), /^what's "this"\? /)
    const counts = database.rows('select MAPREF, SRCROWS from DWJOBLOG order by MAPREF')
    assert.deepEqual(counts, [
      { MAPREF: 'A', SRCROWS: 5 },
      { MAPREF: 'D', SRCROWS: 5 },
      { MAPREF: 'E', SRCROWS: 3 },
      { MAPREF: 'F', SRCROWS: 0 },
    ])
    assert.lengthOf(database.rows(`select * from DWJOBERR where MAPREF = 'C'`), 1)
    assert.isTrue(node.logger.messages('warn').some((text) => /was changed by another/.test(text)))
    const [{ LAST }] = database.rows(
      `select count(LST_RUN_DT) as LAST from DWJOBSCH where MAPREF = 'D'`
    )
    assert.equal(Number(LAST), 1)
  })

  test('are not failed by the one that the database refuses', async ({ assert }) => {
    const world = await createLegacyWorld()
    ask(world, ['A', 'B', 'C'])
    world.database.place.refuse('insert', 'DWJOBLOG', `new.MAPREF = 'B'`, 'no counts')
    const { load } = meeting(3)
    const node = world.node({ source: BOUND, handlers: { load } })
    await node.run()
    assert.deepEqual(statuses(world), { A: 'PC', B: 'FL', C: 'PC' })
    assert.deepEqual(answers(world), { RA: 'DONE', RB: 'FAILED', RC: 'DONE' })
    assert.match(String(world.request('RB').result.message), /no counts/)
    assert.equal(node.counters.get('legacy.groupsRefused'), 1)
  })

  test('are not run again when the answer of their commit is lost', async ({ assert }) => {
    const world = await createLegacyWorld()
    ask(world, ['A', 'B'])
    const { load, calls } = meeting(2)
    const node = world.node({ source: BOUND, handlers: { load } })
    node.onCommit = () => {
      if (world.runs().some(({ STATUS }) => STATUS === 'PC')) {
        node.onCommit = () => {}
        throw away()
      }
    }
    let isOver = false
    const running = node.run().finally(() => {
      isOver = true
    })
    while (!isOver) {
      await world.clock.advance(250)
    }
    await running
    assert.lengthOf(calls, 2)
    assert.deepEqual(statuses(world), { A: 'PC', B: 'PC' })
    assert.deepEqual(answers(world), { RA: 'DONE', RB: 'DONE' })
    assert.lengthOf(world.database.rows('select * from DWJOBLOG'), 2)
  })
})

legacyGroup(
  'Groups | a row that another transaction has locked',
  () => {
    test('holds up its own run alone', async ({ assert }) => {
      const world = await createLegacyWorld()
      ask(world, ['A', 'B', 'C'])
      const others = Promise.withResolvers<void>()
      const called: string[] = []
      const load: HandlerFunction = async ({ payload }) => {
        called.push((payload as unknown as Payload).mapref)
        if (called.length === 2) {
          others.resolve()
        }
      }
      const node = world.node({ source: BOUND, handlers: { load } })
      let release: (() => Promise<void>) | null = null
      node.onTransaction = async () => {
        if (!release && world.request('RB').STATUS === 'CLAIMED') {
          release = await lock(world, 'RB')
        }
      }
      const running = node.run()
      await others.promise
      assert.sameMembers(called, ['A', 'C'])
      await release!()
      await running
      assert.sameMembers(called, ['A', 'B', 'C'])
    })
  },
  ['postgres', 'mysql']
)

legacyGroup(
  'Groups | a trigger that swallows a change',
  () => {
    test('leaves no run half closed, and the others closed', async ({ assert }) => {
      const world = await createLegacyWorld()
      ask(world, ['A', 'B', 'C'])
      world.database
        .execute(`create function swallow() returns trigger as 'begin return null; end' language plpgsql;
        create trigger swallow before update on DWPRCREQ for each row
        when (new.STATUS = 'DONE' and new.MAPREF = 'B') execute function swallow()`)
      const { load } = meeting(3)
      const node = world.node({ source: BOUND, handlers: { load } })
      await node.run()
      assert.deepEqual(statuses(world), { A: 'PC', B: 'PC', C: 'PC' })
      assert.deepEqual(answers(world), { RA: 'DONE', RB: 'CLAIMED', RC: 'DONE' })
      assert.equal(node.counters.get('legacy.groupsRefused'), 1)
      assert.lengthOf(world.database.rows('select * from DWJOBLOG'), 3)
    })
  },
  ['postgres']
)

legacyGroup(
  'Groups | columns of other types',
  () => {
    test('are written as the table declares them: {alter}')
      .with([
        {
          alter: `alter table DWPRCREQ alter RESULT_PAYLOAD type jsonb using RESULT_PAYLOAD::jsonb`,
        },
        // What is cast is cast to the type behind the domains
        {
          alter: `create domain base as varchar(100); create domain "Ref" as base;
            alter table DWPRCLOG alter MAPREF type "Ref"`,
        },
      ])
      .run(async ({ assert }, { alter }) => {
        const world = await createLegacyWorld()
        world.database.execute(alter)
        ask(world, ['A', 'B', 'C'])
        const { load } = meeting(3, ({ mapref }) => ({ sourceRows: mapref === 'A' ? 1 : 2 }))
        const node = world.node({ source: BOUND, handlers: { load } })
        let seen = 0
        node.onCommit = () => void seen++
        await node.run()
        assert.deepEqual(statuses(world), { A: 'PC', B: 'PC', C: 'PC' })
        assert.deepEqual(answers(world), { RA: 'DONE', RB: 'DONE', RC: 'DONE' })
        assert.equal(seen, 4)
      })
  },
  ['postgres']
)

legacyGroup('Groups | a node dies between the statements of one', () => {
  test('each run has its end once, whole', async ({ assert }) => {
    const maprefs = ['A', 'B', 'C', 'D']
    let died = true
    for (let nth = 1; died; nth++) {
      const world = await createLegacyWorld()
      ask(world, maprefs)
      const parent = world.database.insertSchedule({ MAPREF: 'D' })
      world.database.insertSchedule({ JOBSCHID: 90, MAPREF: 'CHILD', DPND_JOBSCHID: parent })
      // Ends with counts, ends without, a failure and a parent are written apart
      const load: HandlerFunction = async ({ payload }) => {
        const { mapref } = payload as unknown as Payload
        if (mapref === 'C') {
          throw new Error('no')
        }
        return mapref === 'A' ? { sourceRows: 1 } : null
      }
      const options = { source: { ...BOUND, idempotent: maprefs }, handlers: { load } }
      const dead = mortal(world, options)
      died = await dieAt(dead, 'onCommit', nth)
      await takeOver(world, dead, world.node({ name: 'n2', ...options }))
      const label = `commit ${nth}`
      assert.deepEqual(endings(world), { A: ['PC'], B: ['PC'], C: ['FL'], D: ['PC'] }, label)
      const { [childOf(world)]: child, ...given } = answers(world)
      assert.deepEqual(given, { RA: 'DONE', RB: 'DONE', RC: 'FAILED', RD: 'DONE' }, label)
      assert.isDefined(child, label)
      const counted = world.database.rows('select MAPREF from DWJOBLOG order by MAPREF')
      assert.deepEqual(counted, [{ MAPREF: 'A' }, { MAPREF: 'B' }, { MAPREF: 'D' }], label)
      assert.lengthOf(world.database.rows(`select * from DWJOBERR where ERRTYP = 'ERROR'`), 1)
    }
  }).timeout(60_000)
})

/** How the runs of each MAPREF ended, those left out that a dead node had begun. */
function endings(world: LegacyWorld): Record<string, string[]> {
  const ends: Record<string, string[]> = {}
  for (const { MAPREF, STATUS, MSG } of world.runs()) {
    if (!MSG?.startsWith('node lost')) {
      ends[MAPREF] = [...(ends[MAPREF] ?? []), STATUS]
    }
  }
  return ends
}

/** REQUEST_ID of what the success of D has queued. */
function childOf(world: LegacyWorld): string {
  return world.requests().find(({ MAPREF }) => MAPREF === 'CHILD')!.REQUEST_ID
}

test.group('Groups', () => {
  test('are bounded, and whoever is left out is done alone', async ({ assert }) => {
    const sizes: number[] = []
    const alone: number[] = []
    const groups = new Groups<number, number>({
      name: 'numbers',
      logger: new RecordingLogger(),
      counters: new Counters(),
      one: async (item) => {
        alone.push(item)
        return item
      },
      many: async (items) => {
        sizes.push(items.length)
        return items.map((item) => (item === 7 ? null : item))
      },
    })
    const items = Array.from({ length: 450 }, (_, item) => item)
    assert.deepEqual(await Promise.all(items.map((item) => groups.add(item))), items)
    assert.deepEqual(sizes, [200, 200, 50])
    assert.deepEqual(alone, [7])
  })
})
