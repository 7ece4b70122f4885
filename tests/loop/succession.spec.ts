import { test } from '@japa/runner'
import { addEvent, CONFIG, makeNode, makeStore } from './loop_support.ts'
import { SECOND, START } from './support.ts'
import type { MemoryStorage } from '../../src/storage/memory/main.ts'

const { ttl, renew } = CONFIG.leader

function setup() {
  const { clock, memory } = makeStore()
  const low = makeNode({ storage: memory, clock, nodeId: 'low.1' })
  const high = makeNode({ storage: memory, clock, nodeId: 'high.1', leaderPriority: 5 })
  return { clock, memory, low, high }
}

async function show(memory: MemoryStorage, id: string, leaderPriority: number | null) {
  const node = { id, name: id.split('.')[0], host: 'h', pid: 1, info: { leaderPriority } }
  await memory.nodes.beat({ now: null, node })
}

test.group('Leader priority', () => {
  test('a higher node takes over at the end of a term', async ({ assert }) => {
    const { clock, memory, low, high } = setup()
    await low.loop.start()
    await high.loop.start()
    assert.isTrue(low.loop.isLeader)
    await show(memory, 'low.1', 0)
    await show(memory, 'high.1', 5)
    await clock.advance(2 * renew)
    assert.isFalse(low.loop.isLeader)
    assert.isTrue(high.loop.isLeader)
    assert.deepEqual(
      low.notices.of('leader:lost').map(({ reason }) => reason),
      ['yielded']
    )
    await clock.advance(2 * renew)
    assert.isTrue(high.loop.isLeader)
    await Promise.all([low.loop.stop(), high.loop.stop()])
  })

  test('never in mid-tick', async ({ assert }) => {
    const { clock, memory, low, high } = setup()
    await addEvent(memory, clock, {
      trigger: { kind: 'interval', every: 60_000 },
      nextRunAt: START,
    })
    const release = low.chaos.hold('events.fire')
    await low.loop.start()
    await high.loop.start()
    await show(memory, 'high.1', 5)
    await clock.advance(ttl + renew)
    assert.isTrue(low.loop.isLeader)
    assert.isFalse(high.loop.isLeader)
    assert.lengthOf(await memory.executions.list({}), 0)

    release()
    await clock.advance(2 * renew)
    assert.lengthOf(await memory.executions.list({}), 1)
    assert.isFalse(low.loop.isLeader)
    assert.isTrue(high.loop.isLeader)
    await Promise.all([low.loop.stop(), high.loop.stop()])
  })

  test('a higher node that does not take over is waited for once', async ({ assert }) => {
    const { clock, memory, low } = setup()
    await low.loop.start()
    await show(memory, 'idle.1', 9)
    await clock.advance(renew)
    assert.isFalse(low.loop.isLeader)
    await show(memory, 'idle.1', 9)
    await clock.advance(ttl - renew)
    assert.isFalse(low.loop.isLeader)
    await clock.advance(2 * renew)
    assert.isTrue(low.loop.isLeader)
    await show(memory, 'idle.1', 9)
    await clock.advance(4 * renew)
    assert.isTrue(low.loop.isLeader)

    // Another boot of it is waited for again
    await memory.nodes.remove({ id: 'idle.1' })
    await clock.advance(renew)
    await show(memory, 'idle.1', 9)
    await clock.advance(renew)
    assert.isFalse(low.loop.isLeader)
    await low.loop.stop()
  })

  test('nodes that are silent, equal, or without a loop are no heirs', async ({ assert }) => {
    const { clock, memory, low } = setup()
    await show(memory, 'silent.1', 9)
    await clock.advance(CONFIG.lease.ttl)
    await show(memory, 'equal.1', 0)
    await show(memory, 'idle.1', null)
    await low.loop.start()
    await clock.advance(30 * SECOND)
    assert.isTrue(low.loop.isLeader)
    assert.isEmpty(low.notices.of('leader:lost'))
    await low.loop.stop()
  })

  test('a list of nodes that cannot be read costs the leader nothing', async ({ assert }) => {
    const { clock, low } = setup()
    await low.loop.start()
    low.chaos.fail('nodes.list', { times: 3 })
    await clock.advance(3 * renew)
    assert.isTrue(low.loop.isLeader)
    await low.loop.stop()
  })
})
