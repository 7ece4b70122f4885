import { test } from '@japa/runner'
import { createNode, gate, newExecution, type NodeOptions } from './setup.ts'
import type { HandlerLimits } from '../../src/types/controls.ts'
import type { RunAnswer, RunRequest, Seats, WorkSource } from '../../src/types/work_source.ts'

const request = (key: string, change: Partial<RunRequest> = {}): RunRequest => ({
  handler: 'flow',
  payload: { key },
  dedupeKey: `req:${key}`,
  concurrencyKey: `map:${key}`,
  ...change,
})

/** A source with a list of requests, as a request table is one. */
class ListSource implements WorkSource {
  readonly name: string
  readonly pollInterval = 1_000
  readonly requests: RunRequest[] = []
  readonly answers: RunAnswer[] = []
  readonly seatCounts: number[] = []
  pulls = 0
  controls = 0
  stopped = 0
  failure: Error | null = null

  constructor(name = 'table') {
    this.name = name
  }

  async control(): Promise<number> {
    this.controls++
    return 0
  }

  async pull(seats: Seats): Promise<number> {
    this.pulls++
    this.seatCounts.push(seats.count)
    if (this.failure) {
      throw this.failure
    }
    const taken = this.requests.splice(0, seats.count)
    this.answers.push(...(await seats.run(taken)))
    return taken.length
  }

  async stop(): Promise<void> {
    this.stopped++
  }
}

function setup(options: NodeOptions = {}) {
  const node = createNode({ handlers: { flow: () => 'done' }, ...options })
  const source = new ListSource()
  node.jobs.addSource(source)
  return { ...node, source }
}

test.group('Sources | running', () => {
  test('requests are claimed at birth and run', async ({ assert }) => {
    const { jobs, source, tracker } = setup()
    source.requests.push(request('a'), request('b', { priority: 1, queue: 'dw', retries: 0 }))
    assert.equal(await jobs.runOnce(), 2)

    const [first, second] = source.answers.map((answer) => answer.accepted && answer.execution)
    assert.include(first, { state: 'running', origin: 'request', dedupeKey: 'req:a', attempt: 1 })
    assert.include(second, { priority: 1, queue: 'dw', retries: 0, timeout: null })
    for (const execution of await tracker.history()) {
      assert.equal(execution.state, 'succeeded')
    }
  })

  test('conflicts are answered one by one and use no place', async ({ assert }) => {
    const end = gate()
    const { jobs, source, clock } = setup({
      handlers: { flow: () => end.promise },
      config: { concurrency: 2 },
    })
    source.requests.push(request('a'))
    await jobs.start()
    await clock.advance(100)
    source.requests.push(request('a'), request('b', { concurrencyKey: 'map:a' }), request('c'))
    await clock.advance(3_000)
    assert.deepEqual(
      source.answers.map((answer) => (answer.accepted ? 'accepted' : answer.conflict)),
      ['accepted', 'dedupe', 'concurrency', 'accepted']
    )
    const [first, second] = source.answers
    assert.isTrue(first.accepted && !second.accepted)
    if (first.accepted && !second.accepted) {
      assert.equal(second.executionId, first.execution.id)
    }
    end.open()
    await jobs.stop()
    assert.equal(source.stopped, 1)
  })

  test('is woken when a key of one of its executions is free again', async ({ assert }) => {
    const ends = [gate(), gate()]
    let runs = 0
    const { jobs, source, clock } = setup({ handlers: { flow: () => ends[runs++].promise } })
    source.requests.push(request('a'))
    await jobs.start()
    await clock.advance(10_000)
    source.requests.push(request('b', { concurrencyKey: 'map:a' }))
    const before = source.pulls
    ends[0].open()
    await clock.settle()
    assert.equal(source.pulls, before + 2)
    assert.equal(runs, 2)
    ends[1].open()
    await jobs.stop()
  })

  test('the own queue is woken when {0} is free again')
    .with([
      ['the key of a run of its own', 'own', {}],
      ['the key of a run of a source', 'source', {}],
      ['a place within the limit of a handler', 'own', { cluster: 1 }],
      ['a place within its limit on this node', 'own', { node: 1 }],
    ] as [string, 'own' | 'source', Partial<HandlerLimits>][])
    .run(async ({ assert }, [, holder, limits]) => {
      const ends = [gate(), gate()]
      let runs = 0
      const { jobs, source, storage, clock } = setup({
        handlers: { flow: () => ends[runs++].promise },
        config: { poll: { min: 100, max: 25_000 } },
      })
      const change = { kind: 'limit' as const, limits, reason: null }
      const isLimited = Object.keys(limits).length > 0
      await storage.controls.change({
        now: clock.nowOrNull(),
        changes: isLimited ? [{ scope: 'handler', name: 'flow', change }] : [],
        by: 'anna',
      })
      const concurrencyKey = isLimited ? undefined : 'map:a'
      if (holder === 'source') {
        source.requests.push(request('a'))
      } else {
        await jobs.enqueue('flow', null, { concurrencyKey })
      }
      await jobs.start()
      await clock.advance(2_000)
      await jobs.enqueue('flow', null, { concurrencyKey })
      // Long enough for the pauses between two looks to have grown
      await clock.advance(60_000)
      assert.equal(runs, 1)
      ends[0].open()
      await clock.settle()
      assert.equal(runs, 2)
      ends[1].open()
      await jobs.stop()
    })

  test('a batch with a bad request is refused before anything is stored: {0}')
    .with([
      ['unknown handler', { handler: 'nope' }, 'E_UNKNOWN_HANDLER'],
      ['empty dedupe key', { dedupeKey: '' }, 'E_EMPTY_KEY'],
      ['empty concurrency key', { concurrencyKey: '' }, 'E_EMPTY_KEY'],
      ['large payload', { payload: 'x'.repeat(20_000) }, 'E_PAYLOAD_TOO_LARGE'],
    ] as [string, Partial<RunRequest>, string][])
    .run(async ({ assert }, [, change, code]) => {
      const { jobs, source, storage } = setup()
      source.requests.push(request('a'), request('b', change))
      const error: { code?: string } = await jobs.runOnce().then(
        () => assert.fail('it was not refused'),
        (reason) => reason
      )
      assert.equal(error.code, code)
      assert.deepEqual(await storage.executions.countByState(), {})
    })

  test('no more than the seats, and only while the pull lasts', async ({ assert }) => {
    const node = createNode({ handlers: { flow: () => {} }, config: { concurrency: 1 } })
    let kept: Seats | undefined
    node.jobs.addSource({
      name: 'greedy',
      pollInterval: 100,
      pull: async (seats) => {
        kept = seats
        await assert.rejects(
          () => seats.run([request('a'), request('b')]),
          'A pull of source "greedy" is not valid: requests (2): give at most 1'
        )
        assert.deepEqual(await seats.run([]), [])
        return 0
      },
    })
    await node.jobs.runOnce()
    await assert.rejects(() => kept!.run([request('c')]), /the pull .* has returned/)
  })

  test('a name is taken once', ({ assert }) => {
    const { jobs } = setup()
    assert.throws(
      () => jobs.addSource(new ListSource()),
      'The source of work is not valid: name (table): another source has this name; give each its own'
    )
    assert.throws(() => jobs.addSource(new ListSource('queue')))
  })

  test('may be added while the node works', async ({ assert }) => {
    const { jobs, clock, tracker } = createNode({ handlers: { flow: () => {} } })
    await jobs.start()
    const source = new ListSource()
    source.requests.push(request('late'))
    jobs.addSource(source)
    await clock.advance(5)
    const [execution] = await tracker.history()
    assert.equal(execution.state, 'succeeded')
    await jobs.stop()
  })
})

test.group('Sources | cadence', () => {
  test('at once again while there is work, then at growing intervals', async ({ assert }) => {
    const { jobs, source, clock } = setup({ config: { concurrency: 2 } })
    for (let index = 0; index < 5; index++) {
      source.requests.push(request(String(index)))
    }
    await jobs.start()
    await clock.settle()
    const settled = source.pulls
    assert.isAtLeast(settled, 3)

    const at: number[] = []
    for (let ms = 0; ms < 5_000; ms += 50) {
      const before = source.pulls
      await clock.advance(50)
      if (source.pulls > before) {
        at.push(ms + 50)
      }
    }
    const gaps = at.slice(1).map((ms, index) => ms - at[index])
    assert.isAtMost(at[0], 200)
    assert.deepEqual(gaps, [400, 800, 1_000, 1_000, 1_000])
    await jobs.stop()
  })

  test('work that cannot be run yet is looked at again soon, and not at once', async ({
    assert,
  }) => {
    const { jobs, clock } = createNode({ handlers: { flow: () => 'done' } })
    let pulls = 0
    jobs.addSource({
      name: 'blocked',
      pollInterval: 10_000,
      pull: async () => ++pulls && 1,
    })
    await jobs.start()
    await clock.advance(1_000)
    assert.equal(pulls, 11)
    await jobs.stop()
  })

  test('a nudge ends the wait, of one source or of all', async ({ assert }) => {
    const { jobs, source, clock } = setup()
    await jobs.start()
    await clock.advance(10_000)
    const before = source.pulls
    jobs.wake('queue')
    await clock.settle()
    assert.equal(source.pulls, before)
    jobs.wake('table')
    await clock.settle()
    assert.equal(source.pulls, before + 1)
    jobs.wake()
    await clock.settle()
    assert.equal(source.pulls, before + 2)
    jobs.wake('nobody')
    await jobs.stop()
  })

  test('control has its turn while every slot is taken', async ({ assert }) => {
    const end = gate()
    const { jobs, source, clock } = setup({
      handlers: { flow: () => end.promise },
      config: { concurrency: 1 },
    })
    source.requests.push(request('a'))
    await jobs.start()
    await clock.advance(100)
    const { controls, pulls } = source
    await clock.advance(10_000)
    assert.equal(source.controls - controls, 10)
    assert.equal(source.pulls, pulls)
    end.open()
    await jobs.stop()
  })

  test('a delayed execution is claimed when it is due, not a poll later', async ({ assert }) => {
    const node = createNode({ handlers: { work: () => {} } })
    await node.jobs.start()
    const { id } = await node.jobs.enqueue('work', null, { delay: '1m' })
    await node.clock.advance(59_999)
    assert.include(await node.tracker.get(id), { state: 'queued' })
    await node.clock.advance(1)
    assert.include(await node.tracker.get(id), { state: 'succeeded' })
    await node.jobs.stop()
  })

  test('a queue that was busy is looked at soon, an idle one ever less', async ({ assert }) => {
    const poll = { min: 50, max: 1_000 }
    const node = createNode({ handlers: { work: () => {} }, config: { poll } })
    const { clock, storage } = node
    const looks = async (ms: number) => {
      const before = storage.calls('executions.claim')
      await clock.advance(ms)
      return storage.calls('executions.claim') - before
    }
    await node.jobs.start()
    await clock.advance(60_000)
    assert.equal(await looks(10_000), 10)
    // Of another node, which tells nothing
    await storage.executions.enqueue({ now: clock.now(), executions: [newExecution()] })
    await clock.advance(1_000)
    assert.equal(node.counters.get('executions.succeeded'), 1)
    await storage.executions.enqueue({ now: clock.now(), executions: [newExecution()] })
    let waited = 0
    while (node.counters.get('executions.succeeded') < 2) {
      waited += 10
      await clock.advance(10)
    }
    assert.isAtMost(waited, 1_000)
    // Busy just now: after 50, 100, 200 and 400 ms
    assert.equal(await looks(40), 0)
    assert.equal(await looks(10), 1)
    assert.equal(await looks(90), 0)
    assert.equal(await looks(10), 1)
    assert.equal(await looks(190), 0)
    assert.equal(await looks(10), 1)
    // 400, 800, and then each second
    assert.equal(await looks(10_000), 10)
    await node.jobs.stop()
  })

  test('one that cannot be claimed yet does not make the queue spin', async ({ assert }) => {
    const end = gate()
    const node = createNode({ handlers: { work: () => end.promise } })
    await node.jobs.enqueue('work', null, { concurrencyKey: 'k' })
    await node.jobs.enqueue('work', null, { concurrencyKey: 'k' })
    await node.jobs.start()
    await node.clock.advance(10_000)
    assert.isBelow(node.storage.calls('executions.claim'), 20)
    end.open()
    await node.clock.settle()
    assert.equal(node.counters.get('executions.succeeded'), 2)
    await node.jobs.stop()
  })

  test('a failing source backs off alone, is counted, and logged once per change', async ({
    assert,
  }) => {
    const { jobs, source, clock, logger, counters, tracker } = setup()
    source.failure = new Error('ORA-03113')
    await jobs.start()
    await clock.advance(120_000)
    const failures = counters.get('sources.table.errors')
    assert.isAbove(failures, 6)
    assert.isBelow(failures, 15)
    assert.deepEqual(logger.of('error'), ['Source "table" fails; it is tried again'])
    assert.deepEqual(jobs.sources(), [
      { name: 'queue', failures: 0, error: null },
      { name: 'table', failures, error: 'ORA-03113' },
    ])

    const { id } = await jobs.enqueue('flow', null)
    await clock.advance(100)
    assert.include(await tracker.get(id), { state: 'succeeded' })

    source.failure = null
    await clock.advance(30_000)
    assert.deepEqual(logger.of('info'), ['Source "table" is back'])
    assert.deepInclude(jobs.sources(), { name: 'table', failures: 0, error: null })
    await jobs.stop()
  })

  test('the own queue outlives an outage of the store', async ({ assert }) => {
    const node = createNode({ handlers: { work: () => {} } })
    const { id } = await node.jobs.enqueue('work', null)
    node.storage.outage()
    await node.jobs.start()
    await node.clock.advance(60_000)
    node.storage.heal()
    await node.clock.advance(30_000)
    assert.include(await node.tracker.get(id), { state: 'succeeded' })
    assert.deepEqual(node.logger.of('error'), ['Source "queue" fails; it is tried again'])
    await node.jobs.stop()
  })

  test('runOnce gives the others their turn before it throws', async ({ assert }) => {
    const { jobs, source, tracker } = setup()
    source.failure = new Error('ORA-03113')
    const { id } = await jobs.enqueue('flow', null)
    await assert.rejects(() => jobs.runOnce(), 'ORA-03113')
    assert.include(await tracker.get(id), { state: 'succeeded' })
  })

  test('runOnce forgets a failure that it outlived', async ({ assert }) => {
    const { jobs, clock } = createNode({ handlers: { flow: () => end.promise } })
    const end = gate()
    let pulls = 0
    jobs.addSource({
      name: 'shaky',
      pollInterval: 1_000,
      pull: async (seats) => {
        pulls++
        if (pulls === 2) {
          throw new Error('ORA-03113')
        }
        await seats.run(pulls === 1 ? [request('a')] : [])
        return pulls === 1 ? 1 : 0
      },
    })
    const round = jobs.runOnce()
    await clock.settle()
    assert.equal(jobs.sources()[1].error, 'ORA-03113')
    end.open()
    assert.equal(await round, 1)
    assert.isNull(jobs.sources()[1].error)
  })

  test('a pull that hangs does not keep the seats from the others', async ({ assert }) => {
    const { jobs, storage, clock, tracker } = createNode({
      handlers: { flow: () => 'done' },
      config: { concurrency: 1 },
    })
    const hanging = gate()
    let answers: RunAnswer[] = []
    jobs.addSource({
      name: 'hanging',
      pollInterval: 1_000,
      pull: async (seats) => {
        await hanging.promise
        if (answers.length === 0) {
          answers = await seats.run([request('late')])
        }
        return answers.length
      },
    })
    const executions = Array.from({ length: 3 }, () => newExecution({ handler: 'flow' }))
    await jobs.start()
    await clock.advance(1_000)
    await storage.executions.enqueue({ now: clock.now(), executions })
    jobs.wake('queue')
    await clock.advance(6_000)
    for (const { id } of executions) {
      assert.include(await tracker.get(id), { state: 'succeeded' })
    }
    hanging.open()
    await clock.advance(1_000)
    const [answer] = answers
    assert.isTrue(answer.accepted)
    if (answer.accepted) {
      assert.include(await tracker.get(answer.execution.id), { state: 'succeeded' })
    }
    const stopped = jobs.stop({ deadline: 0 })
    await clock.advance(5_000)
    await stopped
  })
})

test.group('Sources | fairness', () => {
  test('two sources with a backlog have their turns', async ({ assert }) => {
    const order: string[] = []
    const ends: (() => void)[] = []
    const { jobs, clock } = createNode({
      handlers: {
        flow: ({ payload }) => {
          order.push(String((payload as { key: string }).key)[0])
          const end = gate()
          ends.push(end.open)
          return end.promise
        },
      },
      config: { concurrency: 2 },
    })
    const a = new ListSource('a')
    const b = new ListSource('b')
    for (let index = 0; index < 50; index++) {
      a.requests.push(request(`a${index}`))
      b.requests.push(request(`b${index}`))
    }
    jobs.addSource(a)
    jobs.addSource(b)
    await jobs.start()
    await clock.settle()
    for (let turn = 0; turn < 40; turn++) {
      ends.shift()!()
      await clock.advance(5)
    }
    const share = order.filter((name) => name === 'a').length
    assert.isAtLeast(share, 18)
    assert.isAtMost(share, order.length - 18)
    const stopped = jobs.stop({ deadline: 0 })
    await clock.advance(5_000)
    await stopped
  })
})
