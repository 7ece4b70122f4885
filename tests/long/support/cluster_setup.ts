import { getActiveTest } from '@japa/runner'
import type { AlmanacOptions } from '../../../src/types/config.ts'
import type { ExecutionState } from '../../../src/types/executions.ts'
import { Cluster } from './cluster.ts'
import { createStore, type DatabaseKind, type TestStore } from './databases.ts'
import { forgetMessages } from './engine.ts'
import type { NodeOptions } from './protocol.ts'
import { nodeWay, type Way } from './ways.ts'

/** Longest wait for what must come, ms. */
export const PATIENCE = 120_000
export const MINUTE = 60_000

/** What the nodes of the cluster specs are told. */
export function config(node: string, more: AlmanacOptions = {}): NodeOptions['config'] {
  return {
    node,
    concurrency: 4,
    prefetch: 4,
    poll: { min: 10, max: 100 },
    lease: { ttl: 3_000, renew: 900 },
    leader: { ttl: 1_500, renew: 400 },
    maxRescues: 100,
    ...more,
  }
}

/** Processes and a store that go with the test, and what nodes of the cluster are told. */
export async function setup(kind: DatabaseKind, way: Way = 'node') {
  const store = await createStore(kind)
  getActiveTest()?.cleanup(() => store.close())
  const told = nodeWay(way)
  const cluster = new Cluster()
  getActiveTest()?.cleanup(async () => {
    await cluster.close()
    await (told.engine && forgetMessages(told.engine))
  })
  const node = (name: string, more: AlmanacOptions = {}): NodeOptions => ({
    ...told,
    store: store.target,
    config: config(name, { ...told.config, ...more }),
  })
  return { store, cluster, node }
}

/** How many executions are in a state. */
export async function countOf({ storage }: TestStore, state: ExecutionState): Promise<number> {
  const counts = await storage.executions.countByState()
  return counts[state] ?? 0
}
