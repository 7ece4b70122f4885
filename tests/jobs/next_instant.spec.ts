import { test } from '@japa/runner'
import { createNode, createStore, gate, newExecution } from './setup.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import type { EnqueueOptions } from '../../src/jobs/enqueue.ts'
import type { HandlerLimits } from '../../src/types/controls.ts'

type Limits = Record<string, Partial<HandlerLimits>>
type Job = [handler: string, options: EnqueueOptions]

const SECOND = 1_000
/** So long between two looks that only who knows the instant is in time. */
const POLL = { min: 100, max: 25 * SECOND }

/** A working node of which each run of `held` lasts until the end; how long after its start the others began, ms. */
async function working(limits: Limits, jobs: Job[]) {
  const store = createStore()
  const { clock, storage } = store
  const begun: Record<string, number[]> = {}
  const end = gate()
  const began = clock.now()
  const note = (name: string) => (begun[name] ??= []).push(clock.now() - began)
  const node = createNode({
    store,
    config: { poll: POLL },
    handlers: {
      held: () => end.promise,
      limited: () => void note('limited'),
      free: () => void note('free'),
    },
  })
  const changes = Object.entries(limits).map(([name, given]) => ({
    scope: 'handler' as const,
    name,
    change: { kind: 'limit' as const, limits: given, reason: null },
  }))
  await storage.controls.change({ now: clock.nowOrNull(), changes, by: 'anna' })
  for (const [handler, options] of jobs) {
    await node.jobs.enqueue(handler, null, options)
  }
  await node.jobs.start()
  const stop = async () => {
    end.open()
    await node.jobs.stop()
  }
  return { clock, storage, begun, stop }
}

const later = { delay: '17s' }
const held: Job[] = [
  ['held', {}],
  ['held', {}],
]
const heldKey: Job[] = [
  ['held', { concurrencyKey: 'k' }],
  ['held', { concurrencyKey: 'k' }],
]

const CASES: [string, Limits, Job[], Record<string, number[]>][] = [
  [
    'delayed, of a handler with a limit in the cluster',
    { limited: { cluster: 1 } },
    [['limited', later]],
    { limited: [17_000] },
  ],
  [
    'delayed, of a handler with a limit on each node',
    { limited: { node: 1 } },
    [['limited', later]],
    { limited: [17_000] },
  ],
  [
    'delayed, of a handler with a rate',
    { limited: { rate: { limit: 5, per: 10 * SECOND } } },
    [['limited', later]],
    { limited: [17_000] },
  ],
  [
    'held back by a rate',
    { limited: { rate: { limit: 1, per: 17 * SECOND } } },
    [
      ['limited', {}],
      ['limited', {}],
    ],
    { limited: [0, 17_020] },
  ],
  [
    'held back by a rate beside a limit',
    { limited: { cluster: 1, rate: { limit: 1, per: 17 * SECOND } }, held: { cluster: 1 } },
    [...held, ['limited', {}], ['limited', {}]],
    { limited: [0, 17_020] },
  ],
  [
    'delayed behind what a limit holds back',
    { held: { cluster: 1 } },
    [...held, ['free', later]],
    { free: [17_000] },
  ],
  [
    'delayed behind what a limit beside a rate holds back',
    { held: { cluster: 1, rate: { limit: 9, per: SECOND } } },
    [...held, ['free', later]],
    { free: [17_000] },
  ],
  [
    'delayed behind what a rate holds back for longer',
    { held: { rate: { limit: 1, per: 60 * SECOND } } },
    [...held, ['free', later]],
    { free: [17_000] },
  ],
  ['delayed behind a key that is held', {}, [...heldKey, ['free', later]], { free: [17_000] }],
  [
    'held back by a rate behind a key that is held',
    { limited: { rate: { limit: 1, per: 17 * SECOND } } },
    [...heldKey, ['limited', {}], ['limited', {}]],
    { limited: [0, 17_020] },
  ],
]

/** The clock of a machine whose time is ahead of the store's, which decides. */
class AheadClock extends ManualClock {
  readonly #store: ManualClock

  constructor(store: ManualClock) {
    super()
    this.#store = store
  }

  override now(): number {
    return this.#store.now() + 5
  }

  override nowOrNull(): never {
    return null as never
  }

  override monotonic(): number {
    return this.#store.monotonic()
  }

  override timer(delay: number, callback: () => void) {
    return this.#store.timer(delay, callback)
  }
}

test.group('The next instant', () => {
  test('what is {0} begins without delay')
    .with(CASES)
    .run(async ({ assert }, [, limits, jobs, expected]) => {
      const { clock, begun, stop } = await working(limits, jobs)
      await clock.advance(60 * SECOND)
      assert.deepEqual(begun, expected)
      await stop()
    })
  test('a machine whose clock is ahead is in time', async ({ assert }) => {
    const store = createStore()
    const begun: number[] = []
    const began = store.clock.now()
    const { jobs } = createNode({
      store,
      clock: new AheadClock(store.clock),
      config: { poll: POLL },
      handlers: { free: () => void begun.push(store.clock.now() - began) },
    })
    await jobs.enqueue('free', null, later)
    await jobs.start()
    await store.clock.advance(60 * SECOND)
    assert.deepEqual(begun, [17_000])
    await jobs.stop()
  })

  test('what comes between the claim and the look begins at once', async ({ assert }) => {
    const store = createStore()
    const { clock, storage } = store
    const begun: number[] = []
    const handlers = { free: () => void begun.push(clock.now()) }
    const { jobs } = createNode({ store, config: { poll: POLL }, handlers })
    await jobs.start()
    await clock.advance(60 * SECOND)
    const release = storage.hold('executions.claim')
    jobs.wake()
    await clock.settle()
    const executions = [newExecution({ handler: 'free', delay: 3 })]
    await storage.executions.enqueue({ now: clock.now(), executions })
    await clock.advance(5)
    release()
    await clock.settle()
    await clock.advance(0)
    assert.deepEqual(begun, [clock.now()])
    await jobs.stop()
  })

  test('what is held back costs a look at each interval, and no more', async ({ assert }) => {
    const { clock, storage, stop } = await working({ held: { cluster: 1 } }, held)
    await clock.advance(60 * SECOND)
    const before = storage.calls('executions.claim')
    await clock.advance(4 * POLL.max)
    assert.equal(storage.calls('executions.claim') - before, 4)
    await stop()
  })
})
