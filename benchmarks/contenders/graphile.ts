import { Logger, makeWorkerUtils, run, type Runner } from 'graphile-worker'
import pg from 'pg'
import type { Contender, ContenderOptions } from '../lib/contender.ts'
import { createDatabase } from '../lib/postgres.ts'

type Preset = NonNullable<Parameters<typeof run>[0]['preset']>

const quiet = new Logger(() => () => {})

/** graphile-worker, which deletes what is done. */
export async function openWith(
  { concurrency }: ContenderOptions,
  worker: NonNullable<Preset['worker']>
): Promise<Contender> {
  const database = await createDatabase()
  const pgPool = new pg.Pool({ connectionString: database.url, max: 10 })
  pgPool.on('error', () => {})
  const utils = await makeWorkerUtils({ pgPool, logger: quiet })
  await utils.migrate()
  let runner: Runner | null = null
  let added = 0
  return {
    async enqueue(count) {
      added += count
      for (let done = 0; done < count; done += 1_000) {
        const length = Math.min(1_000, count - done)
        await utils.addJobs(
          Array.from({ length }, () => ({ identifier: 'noop', payload: { n: 1 } }))
        )
      }
    },
    async start(ran) {
      runner = await run({
        preset: {
          worker: {
            concurrentJobs: concurrency,
            logger: quiet,
            ...worker,
          },
        },
        pgPool,
        noHandleSignals: true,
        taskList: { noop: async () => ran() },
      })
    },
    stored: async () =>
      added - (await database.count('select count(*) from graphile_worker._private_jobs')),
    stop: async () => runner?.stop(),
    serverCpu: database.cpu,
    async close() {
      await utils.release()
      await pgPool.end()
      await database.drop()
    },
  }
}
