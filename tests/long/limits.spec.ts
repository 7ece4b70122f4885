import { test } from '@japa/runner'
import type { HandlerLimits } from '../../src/types/controls.ts'
import { execution } from '../storage/support.ts'
import { until } from './support/cluster.ts'
import { config, countOf, PATIENCE, setup } from './support/cluster_setup.ts'
import { eachKind, KINDS } from './support/kinds.ts'
import { MEASURED } from './support/handlers.ts'
import { allExecutions } from './support/reading.ts'
import { printFigures, scaled } from './support/scale.ts'

const NODES = ['n1', 'n2', 'n3']
/** One run, ms: long beside the way from an end to the next claim. */
const DURATION = 2_000
const CLUSTER = 6
const PER_NODE = 2
const KEYS = ['a', 'b', 'c']
const PER_KEY = 2
const RATE = { limit: 20, per: 2_000 }
/** How often each limit is filled. */
const ROUNDS = scaled(40, 4)

type Measured = (typeof MEASURED)[number]

const LIMITS: Record<Measured, Partial<HandlerLimits>> = {
  'by cluster': { cluster: CLUSTER },
  'by node': { node: PER_NODE },
  'by key': { key: PER_KEY },
  'by rate': { rate: RATE },
}

interface Run {
  handler: string
  key: string | null
  from: number
  to: number
}

/** The most runs at one moment; one that ends as another begins is not beside it. */
function mostAtOnce(runs: Run[]): number {
  const steps = runs.flatMap(({ from, to }) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ])
  steps.sort((a, b) => a.at - b.at || a.by - b.by)
  let [now, most] = [0, 0]
  for (const { by } of steps) {
    now += by
    most = Math.max(most, now)
  }
  return most
}

/** The most of these instants within any span, wherever it begins. */
function mostWithin(instants: number[], span: number): number {
  return Math.max(
    ...instants.map((from) => instants.filter((at) => at >= from && at < from + span).length)
  )
}

function many(handler: Measured, count: number, columns: Parameters<typeof execution>[0] = {}) {
  const payload = { duration: handler === 'by rate' ? 0 : DURATION }
  return Array.from({ length: count }, () => execution({ handler, payload, ...columns }))
}

/** As many as fill each limit so many times. */
function backlog() {
  return [
    ...many('by cluster', CLUSTER * ROUNDS),
    ...many('by node', PER_NODE * NODES.length * ROUNDS),
    ...KEYS.flatMap((concurrencyKey) => many('by key', PER_KEY * ROUNDS, { concurrencyKey })),
    // The first ones begin at once, and every span lets as many follow
    ...many('by rate', RATE.limit * (1 + Math.floor((ROUNDS * DURATION) / RATE.per))),
  ]
}

/** How much of the rate that a limit allows was used, from the first run to the last. */
function usedOf(runs: Run[], allowed: { ms: number }): number {
  const from = Math.min(...runs.map((run) => run.from))
  const to = Math.max(...runs.map((run) => run.to))
  return allowed.ms / (to - from)
}

eachKind('Limits | three nodes', KINDS, (kind) => {
  test('no limit is passed, and each is used to nine tenths at least', async ({ assert }) => {
    const { store, cluster } = await setup(kind)
    const { controls, executions } = store.storage
    const changes = MEASURED.map((name) => ({
      ...{ scope: 'handler' as const, name },
      change: { kind: 'limit' as const, limits: LIMITS[name], reason: null },
    }))
    await controls.change({ now: null, changes, by: 'test' })
    const options = (name: string) => ({
      config: config(name, { concurrency: 20, prefetch: 100 }),
      store: store.target,
    })
    const nodes = await cluster.startAll(NODES.map(options))
    const all = backlog()
    await executions.enqueue({ now: null, executions: all })
    await until(async () => (await countOf(store, 'succeeded')) === all.length, {
      patience: PATIENCE,
      describe: () => executions.countByState(),
    })

    const of = (runs: Run[], name: Measured) => runs.filter(({ handler }) => handler === name)
    const runs = nodes.flatMap((node) => node.all('ran'))
    const ended = await allExecutions(store.storage)
    const claims = ended
      .filter(({ handler }) => handler === 'by rate')
      .map(({ claimedAt }) => claimedAt!)
    const most = {
      'by cluster': mostAtOnce(of(runs, 'by cluster')),
      'by node': Math.max(...nodes.map((node) => mostAtOnce(of(node.all('ran'), 'by node')))),
      'by key': Math.max(
        ...KEYS.map((key) => mostAtOnce(of(runs, 'by key').filter((run) => run.key === key)))
      ),
      'by rate': mostWithin(claims, RATE.per),
    }
    const full = ROUNDS * DURATION
    const spans = Math.floor(full / RATE.per)
    const used = Object.fromEntries(
      MEASURED.map((name) => {
        const ms = name === 'by rate' ? spans * RATE.per : full
        return [name, Number(usedOf(of(runs, name), { ms }).toFixed(3))]
      })
    )
    printFigures('limits of three nodes', {
      'runs': runs.length,
      'most at once': `cluster ${most['by cluster']} of ${CLUSTER}, node ${most['by node']} of ${PER_NODE}, key ${most['by key']} of ${PER_KEY}`,
      'most claims in 2 s': `${most['by rate']} of ${RATE.limit}`,
      'share of what is allowed': used,
    })
    assert.lengthOf(runs, all.length)
    assert.deepEqual(most, {
      'by cluster': CLUSTER,
      'by node': PER_NODE,
      'by key': PER_KEY,
      'by rate': RATE.limit,
    })
    for (const name of MEASURED) {
      assert.isAtLeast(used[name], 0.9, name)
    }
    assert.isEmpty(cluster.all('problem'))
  }).timeout(PATIENCE * 2)
})
