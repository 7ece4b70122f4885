import { argv, stdout } from 'node:process'
import { openServer } from '../helpers/server_database.ts'
import { CONNECTION, openLucid } from './support.ts'
import { DatabaseStorage } from '../../src/storage/database/main.ts'
import { LoggerFactory } from '@adonisjs/core/factories/logger'

/**
 * A process of its own for the cases of two processes: claims and settles until
 * nothing is left, and prints the ids it claimed.
 *
 *   claimer.ts <database file, or URL> <node> <batch>
 */
const [, , file, node, batch] = argv
const lucid = file.includes('://') ? openServer(file) : openLucid(file)
const { executions } = new DatabaseStorage({
  client: lucid.connection(CONNECTION),
  connectionName: CONNECTION,
  logger: new LoggerFactory().create(),
})

stdout.write('ready\n')
await new Promise((resolve) => process.stdin.once('data', resolve))

const claimed: string[] = []
for (;;) {
  const batchOfMine = await executions.claim({
    now: null,
    limit: Number(batch),
    handlers: ['noop'],
    node,
    lease: 30_000,
  })
  if (batchOfMine.length === 0) {
    break
  }
  claimed.push(...batchOfMine.map(({ id }) => id))
  const results = await executions.settle({
    now: null,
    settlements: batchOfMine.map(({ id, attempt }) => ({
      id,
      node,
      attempt,
      to: 'succeeded',
      startedAt: null,
    })),
  })
  if (results.some(({ applied }) => !applied)) {
    throw new Error('A claimed execution was not ours to settle')
  }
}
stdout.write(`${JSON.stringify(claimed)}\n`)
await lucid.manager.closeAll()
process.stdin.unref()
