import { PgBoss } from 'pg-boss'
import type { Contender, ContenderOptions } from '../lib/contender.ts'
import { createDatabase } from '../lib/postgres.ts'

const QUEUE = 'bench'

/** pg-boss at its fastest: batches of 500, fetched without a pause while they are full. */
export async function open({ concurrency, latency = false }: ContenderOptions): Promise<Contender> {
  const database = await createDatabase()
  const boss = new PgBoss({ connectionString: database.url, max: 10, useListenNotify: latency })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  await boss.createQueue(QUEUE, { notify: latency })
  return {
    async enqueue(count) {
      for (let done = 0; done < count; done += 1_000) {
        const length = Math.min(1_000, count - done)
        await boss.insert(
          QUEUE,
          Array.from({ length }, () => ({ data: { n: 1 } }))
        )
      }
    },
    async start(ran) {
      const batches = { batchSize: 500, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }
      const options = latency ? {} : batches
      await boss.work(QUEUE, options, async (jobs) => {
        for (let begun = 0; begun < jobs.length; begun += concurrency) {
          await Promise.all(jobs.slice(begun, begun + concurrency).map(async () => ran()))
        }
      })
    },
    stored: () => database.count(`select count(*) from pgboss.job where state = 'completed'`),
    stop: () => boss.offWork(QUEUE),
    serverCpu: database.cpu,
    async close() {
      await boss.stop({ graceful: false })
      await database.drop()
    },
  }
}
