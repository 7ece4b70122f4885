import { newId } from '../../../src/ids.ts'
import { requires, type Service } from '../../helpers/services.ts'
import type { DatabaseKind } from './databases.ts'
import { eachKind, type Kind } from './kinds.ts'
import type { NodeOptions } from './protocol.ts'

/**
 * How nodes run executions: in themselves, by the workers of another engine
 * that each node has, in a process for each attempt.
 */
export type Way = 'node' | 'queue' | 'process'

const redis = await requires('redis')

const WAYS: { way: Way; title: string; needs: Service[] }[] = [
  { way: 'node', title: 'in the node', needs: [] },
  { way: 'queue', title: 'by the queue on Redis', needs: [redis] },
  { way: 'process', title: 'in processes', needs: [] },
]

/** A group of tests for each way to run executions, on each kind of database. */
export function eachWay(
  title: string,
  kinds: Kind[],
  define: (kind: DatabaseKind, way: Way) => void
): void {
  for (const { way, title: name, needs } of WAYS) {
    const withNeeds = kinds.map((kind) => ({ ...kind, needs: [...kind.needs, ...needs] }))
    eachKind(`${title} | ${name}`, withNeeds, (kind) => define(kind, way))
  }
}

export type NodeWay = Pick<NodeOptions, 'engine' | 'isolated'> & {
  config: Pick<NodeOptions['config'], 'queues'>
}

/** What the nodes of one test are told, all of them the same. */
export function nodeWay(way: Way): NodeWay {
  if (way === 'queue') {
    return {
      engine: { url: redis.location, prefix: `almanac-${newId()}:` },
      config: { queues: { default: { executor: 'queue', ahead: 50 } } },
    }
  }
  return { isolated: way === 'process', config: {} }
}
