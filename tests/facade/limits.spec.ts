import { test } from '@japa/runner'
import { readLimit, readTarget } from '../../src/scheduler/controls.ts'
import { readOptions } from '../../src/jobs/enqueue_options.ts'
import { resolveOptions } from '../../src/jobs/handler_options.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { createTestAlmanac } from '../../src/testing/factory.ts'
import type { HandlerOptions } from '../../src/types/handlers.ts'

const DEFAULTS = {
  timeout: null,
  logLevel: 'trace',
  retry: { retries: 0, backoff: 'fixed', delay: 1, maxDelay: 1, jitter: 0 },
} as const

const pause = (options: unknown) => () => readTarget('pause', options)
const limit = (options: unknown) => () => readLimit(options)
const enqueue = (options: unknown) => () => readOptions('load', options, 1_000)
const handler = (options: unknown) => () =>
  resolveOptions('load', options as HandlerOptions, DEFAULTS)

/** What is given, and the field and the remedy that the error names. */
const MALFORMED: [string, () => unknown, RegExp][] = [
  ['no target', pause({}), /nothing is named; name one of them/],
  ['no options', pause(null), /options.*name one of them/s],
  ['two targets', pause({ queue: 'a', node: 'b' }), /queue and node are named at once/],
  ['all with another', pause({ all: true, handler: 'b' }), /all and handler are named at once/],
  ['all as a text', pause({ all: 'yes' }), /all.*yes.*write true/s],
  ['an empty queue', pause({ queue: '' }), /queue.*1 to 255/s],
  ['a queue that is a number', pause({ queue: 7 }), /queue.*7.*1 to 255/s],
  ['a node that is too long', pause({ node: 'n'.repeat(256) }), /node.*1 to 255/s],
  ['a reason that is no text', pause({ all: true, reason: 4 }), /reason.*4.*1 to 1000/s],
  ['an author without a name', pause({ all: true, by: ' ' }), /by.*1 to 255/s],
  ['a field that is misspelt', pause({ queu: 'a' }), /queu.*unknown.*queue/s],
  ['no handler', limit({ concurrency: { cluster: 2 } }), /handler.*1 to 255/s],
  ['no limit', limit({ handler: 'load' }), /no limit is given; give concurrency, rate/],
  ['a limit and reset', limit({ handler: 'a', rate: null, reset: true }), /at once; give/],
  [
    'no places',
    limit({ handler: 'a', concurrency: { cluster: 0 } }),
    /concurrency\.cluster.*0.*from 1/s,
  ],
  ['half a place', limit({ handler: 'a', concurrency: { node: 1.5 } }), /concurrency\.node.*1\.5/s],
  ['a bare number', limit({ handler: 'a', concurrency: 3 }), /concurrency.*3.*give an object/s],
  ['an empty concurrency', limit({ handler: 'a', concurrency: {} }), /it says nothing; give/],
  [
    'an unknown bound',
    limit({ handler: 'a', concurrency: { queue: 1 } }),
    /concurrency\.queue.*unknown/s,
  ],
  ['a rate without a span', limit({ handler: 'a', rate: { limit: 5 } }), /rate\.per/],
  [
    'a rate of nothing',
    limit({ handler: 'a', rate: { limit: 0, per: '1m' } }),
    /rate\.limit.*0.*from 1/s,
  ],
  [
    'a span that is too short',
    limit({ handler: 'a', rate: { limit: 5, per: 10 } }),
    /rate\.per.*1s to 31d/s,
  ],
  [
    'a span that is no duration',
    limit({ handler: 'a', rate: { limit: 5, per: 'soon' } }),
    /rate\.per.*soon/s,
  ],
  ['a rate that is a text', limit({ handler: 'a', rate: '5/1m' }), /rate.*give an object/s],
  ['reset as a text', limit({ handler: 'a', reset: 'yes' }), /reset.*write true/s],
  ['a mode without a key', enqueue({ dedupe: 'replace' }), /dedupe.*give a dedupeKey/s],
  ['an unknown mode', enqueue({ dedupeKey: 'k', dedupe: 'merge' }), /dedupe.*merge.*"skip" or/s],
  [
    'extend without a delay',
    enqueue({ dedupeKey: 'k', dedupe: 'extend' }),
    /dedupe.*give a delay/s,
  ],
  ['an expiry of nothing', enqueue({ expiresIn: 0 }), /expiresIn.*0.*at least 1 ms/s],
  ['an expiry that is no duration', enqueue({ expiresIn: 'later' }), /expiresIn.*later/s],
  [
    'a handler with no places',
    handler({ concurrency: { cluster: -1 } }),
    /concurrency\.cluster is -1; give/,
  ],
  [
    'a handler with a bad rate',
    handler({ rate: { limit: 5, per: '1ms' } }),
    /rate\.per is "1ms"; give/,
  ],
]

test.group('limits: what is malformed', () => {
  for (const [what, read, expected] of MALFORMED) {
    test(`${what} is refused with field and remedy`, ({ assert }) => {
      assert.throws(read, expected)
    })
  }

  test('all problems are told at once', ({ assert }) => {
    const read = limit({
      handler: '',
      concurrency: { cluster: 0, node: 0 },
      rate: { limit: 0, per: 0 },
    })
    assert.throws(read, /handler[^]*cluster[^]*node[^]*rate\.limit[^]*rate\.per/)
  })
})

const every = { kind: 'interval' as const, every: '1m' }

test.group('limits: pauses', () => {
  test('a paused queue keeps its work, and its events go on firing', async ({ assert }) => {
    const ran: unknown[] = []
    const load = ({ payload }: { payload: unknown }) => void ran.push(payload)
    await using t = await createTestAlmanac({ handlers: { load } })
    const { almanac } = t
    assert.isTrue(await almanac.pause({ queue: 'loads', reason: 'disk is full', by: 'anna' }))
    assert.isFalse(await almanac.pause({ queue: 'loads' }))
    await almanac.enqueue('load', 1, { queue: 'loads' })
    await almanac.enqueue('load', 2)
    await t.tick()
    assert.deepEqual(ran, [2])
    const [control] = await almanac.controls()
    assert.deepEqual([control.pausedBy, control.reason], ['anna', 'disk is full'])
    assert.isTrue(await almanac.resume({ queue: 'loads' }))
    await t.tick()
    assert.deepEqual(ran, [2, 1])
  })

  test('a pause of everything is like a time without a node: the misfire policy decides', async ({
    assert,
  }) => {
    const slots: (number | null)[] = []
    const load = ({ slot }: { slot: number | null }) => void slots.push(slot)
    await using t = await createTestAlmanac({ handlers: { load } })
    const { almanac, clock } = t
    const event = await almanac.events.create({ name: 'load', handler: 'load', trigger: every })
    await t.tick('1m')
    assert.lengthOf(slots, 1)
    await almanac.pause({ all: true })
    const held = await almanac.enqueue('load', null)
    await t.tick('10m')
    assert.lengthOf(slots, 1)
    await almanac.resume({ all: true })
    await t.tick()
    assert.deepEqual(slots.slice(1).sort(), [clock.now(), null].sort())
    const [missed] = await almanac.history({ eventId: event.id, states: ['missed'] })
    // Ten slots of the pause: the newest ran, the others are one missed range
    assert.equal(missed.slotCount, 9)
    const ended = await almanac.executions.find(held.id)
    assert.equal(ended?.state, 'succeeded')
  })

  test('what is not begun in time ends as missed, though nobody claims', async ({ assert }) => {
    await using t = await createTestAlmanac({ handlers: { load: () => {} } })
    const { almanac, clock, recorder } = t
    await almanac.pause({ all: true })
    const { id } = await almanac.enqueue('load', null, { expiresIn: '5m' })
    await clock.advance(5 * 60_000)
    await almanac.once()
    const execution = await almanac.executions.find(id)
    assert.deepEqual([execution?.state, execution?.reason], ['missed', 'expired'])
    const told = recorder.of('execution:missed').map(({ executionId }) => executionId)
    assert.deepEqual(told, [id])
  })
})

/** Three nodes on one store; how many of a handler run at once, in all and on each. */
async function threeNodes(options: HandlerOptions, jobs: number) {
  const clock = new ManualClock(Date.UTC(2026, 0, 5, 12))
  const storage = new MemoryStorage({ clock })
  const running = new Map<string, number>()
  const most = { cluster: 0, node: 0 }
  const begun: number[] = []
  const nodes = await Promise.all(
    ['a', 'b', 'c'].map(async (node) => {
      const made = await createTestAlmanac({ clock, storage, config: { node, poll: '50ms' } })
      const run = async () => {
        begun.push(clock.now())
        running.set(node, (running.get(node) ?? 0) + 1)
        const counts = [...running.values()]
        most.cluster = Math.max(
          most.cluster,
          counts.reduce((sum, count) => sum + count, 0)
        )
        most.node = Math.max(most.node, ...counts)
        await new Promise<void>((resolve) => clock.timer(120, resolve))
        running.set(node, running.get(node)! - 1)
      }
      made.almanac.register('load', run, options)
      await made.almanac.start()
      return made
    })
  )
  for (let index = 0; index < jobs; index++) {
    await nodes[0].almanac.enqueue('load', index)
  }
  return { clock, nodes, most, begun }
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await clock.advance(50)
  }
}

test.group('limits: three nodes', () => {
  test('a handler never runs more often at once than the cluster and each node may', async ({
    assert,
  }) => {
    const options = { concurrency: { cluster: 5, node: 2 } }
    const { clock, nodes, most, begun } = await threeNodes(options, 60)
    await pass(clock, 10_000)
    console.log(`most at once: ${most.cluster} of 5 in the cluster, ${most.node} of 2 on a node`)
    assert.deepEqual(most, { cluster: 5, node: 2 })
    assert.lengthOf(begun, 60)
    await Promise.all(nodes.map(({ almanac }) => almanac.shutdown({ deadline: 0 })))
  })

  test('a rate is kept by all of them together, and used', async ({ assert }) => {
    const rate = { limit: 20, per: '5s' }
    const { clock, nodes, begun } = await threeNodes({ rate }, 300)
    await pass(clock, 30_000)
    const within = begun.map((from) => begun.filter((at) => at >= from && at < from + 5_000).length)
    const most = Math.max(...within)
    console.log(`most within 5 s: ${most} of 20; ${begun.length} of 120 in 30 s`)
    assert.equal(most, 20)
    assert.isAtLeast(begun.length, 108)
    await Promise.all(nodes.map(({ almanac }) => almanac.shutdown({ deadline: 0 })))
  })
})
