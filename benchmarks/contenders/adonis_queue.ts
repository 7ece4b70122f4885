import { Job, Locator, QueueManager, QueueSchemaService, Worker } from '@boringnode/queue'
import { knex as driver } from '@boringnode/queue/drivers/knex_adapter'
import Knex from 'knex'
import type { Contender, ContenderOptions } from '../lib/contender.ts'
import { createDatabase } from '../lib/postgres.ts'

let onRun = () => {}

class NoopJob extends Job<{ n: number }> {
  static override options = { name: 'NoopJob', queue: 'default' }

  async execute(): Promise<void> {
    onRun()
  }
}

/** The database driver of @adonisjs/queue: the engine beneath it, on PostgreSQL. */
export async function open({ concurrency }: ContenderOptions): Promise<Contender> {
  const database = await createDatabase()
  const connection = Knex({ client: 'pg', connection: database.url, pool: { min: 2, max: 10 } })
  const schema = new QueueSchemaService(connection)
  await schema.createJobsTable()
  await schema.createSchedulesTable()
  const config = {
    default: 'database',
    adapters: { database: driver(connection) },
    worker: { concurrency, idleDelay: '10ms' },
    locations: [],
  }
  await QueueManager.init(config)
  Locator.register('NoopJob', NoopJob)
  const worker = new Worker(config)
  let added = 0
  return {
    async enqueue(count) {
      added += count
      for (let done = 0; done < count; done += 500) {
        await NoopJob.dispatchMany(
          Array.from({ length: Math.min(500, count - done) }, () => ({ n: 1 }))
        )
      }
    },
    async start(ran) {
      onRun = ran
      void worker.start(['default'])
    },
    stored: async () =>
      added -
      (await database.count(
        `select count(*) from queue_jobs where status not in ('completed', 'failed')`
      )),
    stop: () => worker.stop(),
    serverCpu: database.cpu,
    async close() {
      await QueueManager.destroy()
      await connection.destroy()
      await database.drop()
    },
  }
}
