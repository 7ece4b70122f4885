import { setTimeout } from 'node:timers/promises'
import { getActiveTest, test } from '@japa/runner'
import { newId } from '../../src/ids.ts'
import { requires } from '../helpers/services.ts'
import { execution } from '../storage/support.ts'
import { auditStore, readAudit } from './support/audit.ts'
import { until, type Cluster, type NodeProcess } from './support/cluster.ts'
import { config, countOf, PATIENCE, setup } from './support/cluster_setup.ts'
import type { TestStore } from './support/databases.ts'
import { forgetMessages, type EngineTarget } from './support/engine.ts'
import { reckon, replay } from './support/findings.ts'
import { eachKind, KINDS } from './support/kinds.ts'
import type { NodeOptions } from './support/protocol.ts'
import { Random } from './support/random.ts'
import { allExecutions } from './support/reading.ts'
import { printFigures, scaled } from './support/scale.ts'

const SEED = Number(process.env.ALMANAC_LONG_SEED || Date.now() % 1_000_000)
const NODES = ['n1', 'n2', 'n3']
const KEYS = 20
/** Between two harms, and how long a frozen node stays so: longer than a lease and its rescue, ms. */
const PAUSE = 1_000
const FREEZE = 4_000

const redis = await requires('redis')

interface Harm {
  kills: number
  freezes: number
  forgotten: number
}

/** Three nodes; until the work is done one is killed each second, or frozen, or the messages are lost. */
class Disturbed {
  readonly done: Harm = { kills: 0, freezes: 0, forgotten: 0 }
  readonly #cluster: Cluster
  readonly #random: Random
  readonly #options: (name: string) => NodeOptions
  readonly #nodes = new Map<string, NodeProcess>()

  constructor(cluster: Cluster, random: Random, options: (name: string) => NodeOptions) {
    this.#cluster = cluster
    this.#random = random
    this.#options = options
  }

  async start(): Promise<void> {
    await Promise.all(NODES.map((name) => this.#start(name)))
  }

  async harm(isDone: () => Promise<boolean>, target: EngineTarget | null): Promise<void> {
    for (let turn = 0; !(await isDone()) || turn < 3; turn++) {
      await setTimeout(PAUSE)
      const name = this.#random.of(NODES)
      if (turn % 3 === 0) {
        this.done.kills++
        await this.#kill(name)
      } else if (turn % 3 === 1 && target) {
        this.done.forgotten += await forgetMessages(target)
      } else {
        this.done.freezes++
        await this.#freeze(name)
      }
    }
  }

  async stop(): Promise<(number | null)[]> {
    const nodes = [...this.#nodes.values()]
    nodes.forEach((node) => node.kill('SIGTERM'))
    const exits = await Promise.all(nodes.map(({ exited }) => exited))
    return exits.map(({ code }) => code)
  }

  async #start(name: string): Promise<void> {
    const [node] = await this.#cluster.startAll([this.#options(name)])
    this.#nodes.set(name, node)
  }

  async #kill(name: string): Promise<void> {
    const node = this.#nodes.get(name)!
    node.kill('SIGKILL')
    await node.exited
    await this.#start(name)
  }

  async #freeze(name: string): Promise<void> {
    const node = this.#nodes.get(name)!
    const earlier = node.all('thawed')
    node.kill('SIGSTOP')
    await setTimeout(FREEZE)
    node.kill('SIGCONT')
    await node.find('thawed', (report) => !earlier.includes(report))
  }
}

async function judged(store: TestStore, ids: string[]) {
  const executions = await allExecutions(store.storage)
  const succeeded = executions.filter(({ state }) => state === 'succeeded')
  const found = replay(await readAudit(store))
  return { executions, succeeded, found, ...reckon({ slots: [], ids }, succeeded, found.successes) }
}

const VARIANTS = [
  { title: 'the executor queue on Redis', count: scaled(1_000, 100), isolated: false },
  { title: 'a process for each attempt', count: scaled(80, 8), isolated: true },
]

eachKind('Executors', KINDS, (kind) => {
  test('with {title}: nothing is lost or doubled while nodes are killed and frozen')
    // Processes know nothing of the database: two kinds of it are enough
    .with(VARIANTS.filter(({ isolated }) => !isolated || kind !== 'mariadb'))
    .run(async ({ assert }, { title, count, isolated }) => {
      getActiveTest()?.skip(!isolated && !redis.available, redis.reason)
      const random = new Random(SEED)
      const { store, cluster } = await setup(kind)
      await auditStore(store)
      const target = isolated ? null : { url: redis.location, prefix: `almanac-${newId()}:` }
      const nodes = new Disturbed(cluster, random, (name) => ({
        store: store.target,
        isolated,
        ...(target && { engine: target }),
        config: config(name, {
          lease: { ttl: 1_500, renew: 400 },
          maxRescues: 10_000,
          shutdown: { deadline: 2_000 },
          ...(target && { queues: { default: { executor: 'queue', ahead: 50 } } }),
        }),
      }))
      await nodes.start()
      const work = Array.from({ length: count }, () =>
        execution({
          handler: 'work',
          payload: { duration: random.below(isolated ? 300 : 1_000) },
          concurrencyKey: random.next() < 0.3 ? `key ${random.below(KEYS)}` : null,
        })
      )
      await store.storage.executions.enqueue({ now: null, executions: work })
      const states = () => store.storage.executions.countByState()
      const isDone = async () => (await countOf(store, 'succeeded')) >= count
      await nodes.harm(isDone, target)
      await until(isDone, { patience: PATIENCE, describe: states })
      const codes = await nodes.stop()
      if (target) {
        await forgetMessages(target)
      }

      const ids = work.map(({ id }) => id)
      const thawed = cluster.all('thawed').flatMap(({ holds }) => holds)
      const late = thawed.flatMap(({ taken }) => taken).length
      const { executions, succeeded, found, lost, doubled } = await judged(store, ids)
      printFigures(`results with ${title}`, {
        'seed': SEED,
        'executions': executions.length,
        'succeeded': succeeded.length,
        ...nodes.done,
        'attempts': found.attempts,
        'late writes taken': late,
        'taken over': found.takeovers,
        'two of a key at once': found.overlaps,
        'taken over before the lease ended': found.earlyTakeovers,
        lost,
        doubled,
      })
      assert.deepEqual([lost, doubled, found.overlaps, found.earlyTakeovers], [0, 0, 0, 0])
      assert.equal(late, 0)
      assert.lengthOf(succeeded, count)
      assert.isAbove(nodes.done.kills, 0)
      assert.deepEqual(codes, [0, 0, 0])
    })
})
