import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '@japa/runner'
import type { ExecutionRecord } from '../../src/types/executions.ts'
import { execution } from '../storage/support.ts'
import { until } from './support/cluster.ts'
import { countOf, MINUTE, PATIENCE, setup } from './support/cluster_setup.ts'
import type { TestStore } from './support/databases.ts'
import { KINDS } from './support/kinds.ts'
import { allExecutions } from './support/reading.ts'
import { event } from './support/records.ts'
import { printFigures, scaled } from './support/scale.ts'
import { eachWay } from './support/ways.ts'

function hasFailed({ rescues, failures }: ExecutionRecord): boolean {
  return rescues + failures > 0
}

eachWay('Cluster | many at once', KINDS, (kind, way) => {
  const count = way === 'process' ? scaled(100, 12) : scaled(500, 50)
  test(`${count} schedules due in one second on four nodes, all on one key`, async ({
    assert,
    fs,
  }) => {
    const { store, cluster, node } = await setup(kind, way)
    const mark = join(fs.basePath, 'begun')
    await fs.create('begun', '')
    const nodes = ['n1', 'n2', 'n3', 'n4']
    await cluster.startAll(
      nodes.map((name) => ({ ...node(name), store: { ...store.target, connections: 2 } }))
    )
    const second = Math.ceil((await store.storage.now()) / 1_000) * 1_000 + 3_000
    for (let index = 0; index < count; index++) {
      const due = event({
        name: `event ${index}`,
        handler: 'punctual',
        payload: { mark },
        trigger: { kind: 'interval', every: MINUTE },
        concurrencyKey: 'one',
        maxRuns: 1,
        nextRunAt: second + (index % 10) * 100,
      })
      await store.storage.events.insert({ now: null, event: due })
    }
    const states = () => store.storage.executions.countByState()
    await until(async () => (await countOf(store, 'succeeded')) >= count, {
      patience: PATIENCE,
      describe: states,
    })

    const executions = await allExecutions(store.storage)
    const marks = await readFile(mark, 'utf8')
    const begun = marks.trim().split('\n')
    const waits = executions.map(({ startedAt, slot }) => startedAt! - slot!).sort((a, b) => a - b)
    const at = (share: number) => waits[Math.floor((waits.length - 1) * share)]
    const waited = { 'p50, ms': at(0.5), 'p99, ms': at(0.99), 'longest, ms': at(1) }
    printFigures('waits from slot to start', { begun: begun.length, ...waited })
    assert.lengthOf(executions, count)
    assert.equal(new Set(executions.map(({ slotKey }) => slotKey)).size, count)
    assert.sameMembers(
      begun,
      executions.map(({ id }) => id)
    )
    assert.isEmpty(executions.filter(({ attempt }) => attempt !== 1))
    assert.isEmpty(cluster.all('problem').filter(({ detail }) => /acquir/i.test(detail)))
  })
})

eachWay('Cluster | SIGTERM under load', KINDS, (kind, way) => {
  test('begun work ends or goes back, the exit code is 0, the next node goes on', async ({
    assert,
  }) => {
    const { store, cluster, node } = await setup(kind, way)
    const deadline = 1_000
    const isolated = way === 'process'
    const options = (name: string) =>
      node(name, { shutdown: { deadline }, concurrency: isolated ? 5 : 8 })
    const [first] = await cluster.startAll([options('n1')])
    const short = Array.from({ length: isolated ? scaled(100, 20) : scaled(1_000, 200) }, () =>
      execution({ handler: 'work', payload: { duration: 20 } })
    )
    // Never ends by itself: the deadline aborts it, and it goes back
    const endless = Array.from({ length: 3 }, () => execution({ handler: 'wait', priority: 1 }))
    await store.storage.executions.enqueue({ now: null, executions: [...endless, ...short] })
    const states = () => store.storage.executions.countByState()
    await until(async () => (await countOf(store, 'succeeded')) >= short.length / 10, {
      patience: PATIENCE,
      every: 5,
      describe: states,
    })
    const began = performance.now()
    first.kill('SIGTERM')
    const exit = await first.exited
    const took = Math.round(performance.now() - began)
    const after = await states()
    assert.deepEqual(exit, { code: 0, signal: null })
    assert.equal(after.running ?? 0, 0)
    assert.deepEqual(
      first.all('stopped').map(({ running: left }) => left),
      [0]
    )
    // The grace for aborted handlers, and some for a busy machine
    assert.isBelow(took, deadline + 2_000 + 2_000)
    const open = await store.storage.executions.list({ states: ['queued'], limit: 1_000 })
    assert.isEmpty(open.filter(hasFailed))
    assert.includeMembers(
      open.map(({ id }) => id),
      endless.map(({ id }) => id)
    )

    for (const { id } of endless) {
      await store.storage.executions.requestCancel({ now: null, id, reason: 'test' })
    }
    const waiting = await countOf(store, 'queued')
    const [second] = await cluster.startAll([options('n2')])
    const working = performance.now()
    const goesOn = async () => waiting === 0 || (await countOf(store, 'queued')) < waiting
    await until(goesOn, { patience: PATIENCE, every: 5, describe: states })
    const gap = Math.round(performance.now() - working)
    await until(async () => (await countOf(store, 'succeeded')) === short.length, {
      patience: PATIENCE,
      describe: states,
    })
    second.kill('SIGTERM')
    assert.deepEqual(await second.exited, { code: 0, signal: null })
    printFigures('drain', {
      'begun and ended by the first': after.succeeded,
      'handed back': after.queued,
      'took, ms': took,
      'next node went on after, ms': gap,
    })
    // No lease had to lapse first
    assert.isBelow(gap, 1_500)
    const runs = await allExecutions(store.storage)
    assert.isEmpty(runs.filter(hasFailed))
  })
})

/** Who began a term, in order, as `<node> by <reason that the term before it ended for>`. */
async function terms({ storage }: TestStore): Promise<string[]> {
  const entries = await storage.journal.read({ after: 0, limit: 1_000 })
  const changes = entries.filter(({ kind }) => /^leader\./.test(kind))
  return changes.map(({ kind, subject, after }) => {
    const { reason } = after as { reason?: string }
    return `${subject.split('.')[0]} ${reason ?? kind}`
  })
}

eachWay('Cluster | who leads', KINDS, (kind, way) => {
  test('a node of higher priority takes over, and another after its death: no slot is lost', async ({
    assert,
  }) => {
    const { store, cluster, node } = await setup(kind, way)
    const leader = async () => {
      const lease = await store.storage.leases.find('leader')
      return lease?.owner.split('.')[0] ?? null
    }
    const led = async (name: string) => {
      const began = performance.now()
      await until(async () => (await leader()) === name, {
        patience: PATIENCE,
        every: 10,
        describe: () => terms(store),
      })
      return Math.round(performance.now() - began)
    }
    await cluster.startAll([node('low', { leaderPriority: 0 })])
    await led('low')
    const first = Math.ceil((await store.storage.now()) / 1_000) * 1_000
    const steady = event({
      name: 'each second',
      handler: 'punctual',
      trigger: { kind: 'interval', every: 1_000 },
      nextRunAt: first,
    })
    await store.storage.events.insert({ now: null, event: steady })

    const [high] = await cluster.startAll([node('high', { leaderPriority: 10 })])
    const tookOver = await led('high')
    const before = await countOf(store, 'succeeded')
    const ran = (count: number) =>
      until(async () => (await countOf(store, 'succeeded')) >= count, {
        patience: PATIENCE,
        describe: () => terms(store),
      })
    await ran(before + 2)
    high.kill('SIGKILL')
    const succeeded = await led('low')
    await ran((await countOf(store, 'succeeded')) + 3)

    const executions = await allExecutions(store.storage)
    const slots = executions.map(({ slot }) => slot!).sort((a, b) => a - b)
    printFigures('leaders', {
      'higher priority leads after, ms': tookOver,
      'next leads after its death, ms': succeeded,
      'slots fired': slots.length,
      'terms': await terms(store),
    })
    assert.deepEqual(
      slots,
      slots.map((_, index) => first + index * 1_000)
    )
    assert.isEmpty(executions.filter(({ state }) => state === 'missed'))
    assert.deepEqual(await terms(store), [
      'low leader.acquired',
      'low yielded',
      'high leader.acquired',
      'low leader.acquired',
    ])
  })
})
