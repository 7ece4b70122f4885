import { setTimeout } from 'node:timers/promises'
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

const QUEUES = ['default']
/** Between two looks for messages, ms. */
const IDLE = 20

/** The engine of a node that also is a worker of it. */
export function openEngine(
  { url, prefix }: EngineTarget,
  concurrency: number,
  deliver: (handed: HandedExecution) => Promise<unknown>
) {
  const connection = new Redis(url, { keyPrefix: prefix })
  const config = {
    default: 'redis',
    adapters: { redis: redis(connection) },
    logger: quiet,
    worker: {
      concurrency,
      idleDelay: IDLE,
      stalledThreshold: 1_500,
      stalledInterval: 500,
      gracefulShutdown: false,
    },
  }
  const worker = new Worker(config)
  const over = new AbortController()
  let working: Promise<void> = Promise.resolve()
  return {
    engine: new QueueEngine(host, deliver),
    start: async () => {
      await worker.init()
      working = workOff(worker, over.signal)
    },
    stop: async () => {
      over.abort()
      await worker.stop()
      await working
      await QueueManager.destroy()
      connection.disconnect()
    },
  }
}

/** As `Worker.start` does, which however rests for 5 s after each job that outlasts its idle delay. */
async function workOff(worker: Worker, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const cycle = await worker.processCycle(QUEUES)
    if (cycle?.type === 'idle' || cycle?.type === 'error') {
      await setTimeout(IDLE)
    }
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
