import { randomBytes } from 'node:crypto'
import { Queue, Worker } from 'bullmq'
import { REDIS, type Contender, type ContenderOptions } from '../lib/contender.ts'

/** BullMQ on Redis, which keeps what is done in memory. */
export async function open({ concurrency }: ContenderOptions): Promise<Contender> {
  const { hostname, port } = new URL(REDIS)
  const connection = { host: hostname, port: Number(port || 6379), maxRetriesPerRequest: null }
  const name = `bench-${randomBytes(6).toString('hex')}`
  const queue = new Queue(name, { connection })
  let worker: Worker | null = null
  return {
    async enqueue(count) {
      for (let done = 0; done < count; done += 1_000) {
        const length = Math.min(1_000, count - done)
        await queue.addBulk(Array.from({ length }, () => ({ name: 'noop', data: { n: 1 } })))
      }
    },
    async start(ran) {
      worker = new Worker(name, async () => ran(), { connection, concurrency })
      await worker.waitUntilReady()
    },
    stored: () => queue.getCompletedCount(),
    stop: async () => worker?.close(),
    async serverCpu() {
      const redis = await queue.getBackend().client
      const info = await redis.info()
      const seconds = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)]
      return seconds.reduce((sum, [, spent]) => sum + Number(spent) * 1_000, 0)
    },
    async close() {
      await queue.obliterate({ force: true })
      await queue.close()
    },
  }
}
