import { execution } from '../../tests/storage/support.ts'
import { openAlmanac } from '../lib/almanac.ts'
import type { Contender, ContenderOptions } from '../lib/contender.ts'
import { copyFinished } from '../lib/copies.ts'
import { createDatabase } from '../lib/postgres.ts'

/** Almanac on its own tables. */
export async function open({ concurrency }: ContenderOptions): Promise<Contender> {
  const database = await createDatabase()
  const { almanac, storage, close } = await openAlmanac(database.url, { concurrency })
  let ran = () => {}
  // What was finished before is not counted again at each look
  let grownUntil = 0
  almanac.register('noop', async () => ran())
  return {
    async enqueue(count) {
      for (let done = 0; done < count; done += 1_000) {
        const executions = Array.from({ length: Math.min(1_000, count - done) }, () =>
          execution({ handler: 'noop', payload: { n: 1 } })
        )
        await storage.executions.enqueue({ now: null, executions })
      }
    },
    async start(callback) {
      ran = callback
      await almanac.start()
    },
    stored: () =>
      database.count(
        `select count(*) from almanac_executions where state = 'succeeded' and finished_at > ${grownUntil}`
      ),
    stop: () => almanac.stop(),
    async grow(finished) {
      await copyFinished(database, finished)
      grownUntil = await database.count('select max(finished_at) as count from almanac_executions')
    },
    serverCpu: database.cpu,
    async close() {
      await close()
      await database.drop()
    },
  }
}
