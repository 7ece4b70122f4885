import { getActiveTest } from '@japa/runner'
import type { AlmanacOptions } from '../../../src/types/config.ts'
import type { ExecutionState } from '../../../src/types/executions.ts'
import { Cluster } from './cluster.ts'
import { createStore, type DatabaseKind, type TestStore } from './databases.ts'
import type { NodeOptions } from './protocol.ts'

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

/** Processes and a store that go with the test. */
export async function setup(kind: DatabaseKind): Promise<{ store: TestStore; cluster: Cluster }> {
  const store = await createStore(kind)
  getActiveTest()?.cleanup(() => store.close())
  const cluster = new Cluster()
  getActiveTest()?.cleanup(() => cluster.close())
  return { store, cluster }
}

/** How many executions are in a state. */
export async function countOf({ storage }: TestStore, state: ExecutionState): Promise<number> {
  const counts = await storage.executions.countByState()
  return counts[state] ?? 0
}
