import { QueueManager, Worker } from '@adonisjs/queue'
import * as host from '@adonisjs/queue'
import { redis } from '@boringnode/queue/drivers/redis_adapter'
import { Redis } from 'ioredis'
import { QueueEngine } from '../../../src/engines/queue_engine.ts'
import type { HandedExecution } from '../../../src/types/engine.ts'

/** Where the other engine keeps its messages: a server of Redis, and the keys of one test there. */
export interface EngineTarget {
  url: string
  prefix: string
}

/** The engine of a node that also is a worker of it, four at once. */
export function openEngine(
  { url, prefix }: EngineTarget,
  deliver: (handed: HandedExecution) => Promise<unknown>
) {
  const connection = new Redis(url, { keyPrefix: prefix })
  const config = {
    default: 'redis',
    adapters: { redis: redis(connection) },
    logger: quiet,
    worker: {
      concurrency: 4,
      idleDelay: 20,
      stalledThreshold: 1_500,
      stalledInterval: 500,
      gracefulShutdown: false,
    },
  }
  const worker = new Worker(config)
  return {
    engine: new QueueEngine(host, deliver),
    start: async () => {
      await worker.init()
      void worker.start(['default'])
    },
    stop: async () => {
      await worker.stop()
      await QueueManager.destroy()
      connection.disconnect()
    },
  }
}

/** Removes all messages, as a server without persistence does when it restarts. @returns how many keys */
export async function forgetMessages({ url, prefix }: EngineTarget): Promise<number> {
  const connection = new Redis(url)
  try {
    const keys = await connection.keys(`${prefix}*`)
    return keys.length === 0 ? 0 : await connection.del(keys)
  } finally {
    connection.disconnect()
  }
}

const ignore = () => {}
const quiet = {
  ...{ trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
  child: () => quiet,
}
