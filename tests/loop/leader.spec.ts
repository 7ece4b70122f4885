import { test } from '@japa/runner'
import { Counters } from '../../src/counters.ts'
import { Leader } from '../../src/loop/leader.ts'
import { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import { type ManualClock } from '../../src/testing/manual_clock.ts'
import { Lines, Notices } from '../events/support.ts'
import { CONFIG, makeStore } from './loop_support.ts'
import type { Storage } from '../../src/storage/contract.ts'

const TTL = CONFIG.leader.ttl

function makeLeader(storage: Storage, clock: ManualClock, nodeId = 'a.1') {
  const notices = new Notices()
  const logger = new Lines()
  const counters = new Counters()
  const deps = { storage, clock, notifier: notices, logger, counters, nodeId, config: CONFIG }
  return { leader: new Leader(deps), notices, logger, counters }
}

async function journalOf(storage: Storage) {
  const rows = await storage.journal.read({ after: 0, limit: 100 })
  return rows.map(({ kind, actor, after }) => ({ kind, actor, after }))
}

test.group('Leader | terms', () => {
  test('one node leads, the other waits for the end of its lease', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const a = makeLeader(memory, clock, 'a.1')
    const b = makeLeader(memory, clock, 'b.1')

    assert.isTrue(await a.leader.keep())
    assert.isFalse(await b.leader.keep())
    assert.equal(a.leader.term, 1)
    assert.isNull(b.leader.term)

    await clock.advance(TTL)
    assert.isFalse(a.leader.trusted())
    assert.isTrue(await b.leader.keep())
    assert.equal(b.leader.term, 2)
  })

  test('renewing keeps the term', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const { leader, notices } = makeLeader(memory, clock)
    await leader.keep()
    for (let round = 0; round < 10; round++) {
      await clock.advance(CONFIG.leader.renew)
      assert.isTrue(await leader.keep())
    }

    assert.equal(leader.term, 1)
    assert.deepEqual(notices.names(), ['leader:acquired'])
  })

  test('resigning frees the lease at once', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const a = makeLeader(memory, clock, 'a.1')
    const b = makeLeader(memory, clock, 'b.1')
    await a.leader.keep()

    await a.leader.resign()
    await a.leader.resign()

    assert.isFalse(a.leader.trusted())
    assert.isTrue(await b.leader.keep())
    assert.equal(b.leader.term, 2)
  })

  test('each change is announced and journalled', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const { leader, notices } = makeLeader(memory, clock)
    await leader.keep()
    await clock.advance(TTL)
    assert.isFalse(leader.trusted())
    await leader.keep()
    await leader.resign()

    assert.deepEqual(notices.all, [
      {
        name: 'leader:acquired',
        data: { node: 'a.1', term: 1, at: '2026-03-01T00:00:00.000Z' },
      },
      {
        name: 'leader:lost',
        data: { node: 'a.1', term: 1, reason: 'lapsed', at: '2026-03-01T00:00:15.000Z' },
      },
      {
        name: 'leader:acquired',
        data: { node: 'a.1', term: 2, at: '2026-03-01T00:00:15.000Z' },
      },
      {
        name: 'leader:lost',
        data: { node: 'a.1', term: 2, reason: 'resigned', at: '2026-03-01T00:00:15.000Z' },
      },
    ])
    assert.deepEqual(await journalOf(memory), [
      { kind: 'leader.acquired', actor: 'a.1', after: { term: 1 } },
      { kind: 'leader.lost', actor: 'a.1', after: { term: 1, reason: 'lapsed' } },
      { kind: 'leader.acquired', actor: 'a.1', after: { term: 2 } },
      { kind: 'leader.lost', actor: 'a.1', after: { term: 2, reason: 'resigned' } },
    ])
  })

  test('a term that the store gave away is lost, and resigning it harms nobody', async ({
    assert,
  }) => {
    const { clock, memory } = makeStore()
    const a = makeLeader(memory, clock, 'a.1')
    await a.leader.keep()
    // Another node's clock of the same database: the lease has lapsed there
    const later = clock.now() + TTL
    await memory.leases.acquire({ now: later, name: 'leader', owner: 'b.1', ttl: TTL })

    assert.isTrue(a.leader.trusted())
    assert.isFalse(await a.leader.keep())

    assert.equal(a.notices.of('leader:lost')[0].reason, 'taken')
    await a.leader.resign()
    assert.containsSubset(await memory.leases.find('leader'), { owner: 'b.1', term: 2 })
  })

  test('nothing is renewed without a term', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const { leader } = makeLeader(memory, clock)

    assert.isFalse(await leader.renew())
    assert.isFalse(leader.trusted())
  })
})

test.group('Leader | trust', () => {
  test('counts from before the renewal was sent', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const chaos = new ChaosStorage(memory)
    const { leader } = makeLeader(chaos, clock)
    const release = chaos.hold('leases.acquire')
    const acquiring = leader.keep()
    await clock.advance(10_000)
    release()
    assert.isTrue(await acquiring)

    await clock.advance(4_999)
    assert.isTrue(leader.trusted())
    await clock.advance(1)
    assert.isFalse(leader.trusted())
  })

  test('so it does when the renewal is slow', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const chaos = new ChaosStorage(memory)
    const { leader } = makeLeader(chaos, clock)
    await leader.keep()
    await clock.advance(5_000)
    const release = chaos.hold('leases.renew')
    const renewing = leader.keep()
    await clock.advance(4_000)
    release()
    assert.isTrue(await renewing)

    await clock.advance(10_999)
    assert.isTrue(leader.trusted())
    await clock.advance(1)
    assert.isFalse(leader.trusted())
  })

  test('an answer that comes after the lease is worth nothing', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const chaos = new ChaosStorage(memory)
    const { leader } = makeLeader(chaos, clock)
    await leader.keep()
    const release = chaos.hold('leases.renew')
    const renewing = leader.renew()
    await clock.advance(TTL)
    assert.isFalse(leader.trusted())
    release()

    assert.isFalse(await renewing)
    assert.isFalse(leader.trusted())
  })

  test('a step of the wall clock changes nothing', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const { leader } = makeLeader(memory, clock)
    await leader.keep()

    clock.set(clock.now() + 10 * TTL)
    assert.isTrue(leader.trusted())
    clock.set(clock.now() - 20 * TTL)
    assert.isTrue(leader.trusted())
  })
})

test.group('Leader | a store that fails', () => {
  test('the failure is passed on and the term lapses by itself', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const chaos = new ChaosStorage(memory)
    const { leader } = makeLeader(chaos, clock)
    await leader.keep()
    chaos.outage()

    await assert.rejects(() => leader.keep(), /cannot be reached/)
    assert.isTrue(leader.trusted())
    await clock.advance(TTL)
    assert.isFalse(leader.trusted())

    chaos.heal()
    assert.isTrue(await leader.keep())
    assert.equal(leader.term, 2)
  })

  test('a term whose first answer was lost is found again', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const chaos = new ChaosStorage(memory)
    const { leader } = makeLeader(chaos, clock)
    chaos.fail('leases.acquire', { moment: 'after' })

    await assert.rejects(() => leader.keep())
    assert.isTrue(await leader.keep())
    assert.equal(leader.term, 1)
  })

  test('journal rows that could not be written follow with the next', async ({ assert }) => {
    const { clock, memory } = makeStore()
    const chaos = new ChaosStorage(memory)
    const { leader, logger, counters } = makeLeader(chaos, clock)
    chaos.fail('journal.append')

    assert.isTrue(await leader.keep())
    assert.isEmpty(await journalOf(memory))
    assert.lengthOf(logger.of('warn'), 1)
    assert.equal(counters.get('journal.delayed'), 1)

    await leader.keep()
    assert.deepEqual(await journalOf(memory), [
      { kind: 'leader.acquired', actor: 'a.1', after: { term: 1 } },
    ])
  })
})
