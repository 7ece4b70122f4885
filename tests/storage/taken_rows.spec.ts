import { test } from '@japa/runner'
import { claimable, takeQueued } from '../../src/storage/database/claim.ts'
import type { NewExecution } from '../../src/storage/contract.ts'
import { connect, DATABASES } from './each_database.ts'
import { execution } from './support.ts'

const START = Date.UTC(2027, 0, 15, 8)
const CLAIM = {
  now: START,
  limit: 10,
  handlers: ['noop', 'other'],
  queues: ['default'],
  node: 'a.1',
  lease: 60_000,
}
const first: Partial<NewExecution> = { dedupeKey: 'd', concurrencyKey: 'k', expiresIn: 1_000 }

for (const [name, { service, create }] of Object.entries(DATABASES)) {
  test.group(`What a look has found is taken as it was found, on ${name}`, (group) => {
    group.tap((t) => t.skip(!service.available, service.reason).timeout(30_000))

    test('{why}')
      .with([
        { why: 'nothing has changed', taken: 1 },
        { why: 'it has expired', at: START + 1_000 },
        { why: 'it is for another handler', replaced: { ...first, handler: 'other' } },
        { why: 'it has another key', replaced: { ...first, concurrencyKey: 'l' } },
        { why: 'it has no key any more', replaced: { ...first, concurrencyKey: null } },
        { why: 'it is in another queue', replaced: { ...first, queue: 'elsewhere' } },
        { why: 'it is due later', replaced: { ...first, availableAt: START + 1 } },
        { why: 'its payload alone is another one', replaced: first, taken: 1 },
      ])
      .run(async ({ assert, cleanup }, { at = START, replaced, taken = 0 }) => {
        const database = await create()
        cleanup(database.end)
        const { executions } = database.storage()
        const enqueue = (columns: Partial<NewExecution>) =>
          executions.enqueue({ now: START, executions: [execution(columns)] })
        const [{ id }] = await enqueue(first)
        const connection = connect(database.open())
        const rows = await connection.read('executions.claim', (work) =>
          claimable(work, CLAIM, START, { lock: false })
        )
        assert.deepEqual(
          rows.map((row) => row.id),
          [id]
        )
        if (replaced) {
          const [result] = await enqueue({ ...replaced, onDuplicate: 'replace' })
          assert.equal(result.change, 'replaced')
        }
        const claimed = await connection.write('executions.claim', (work) =>
          takeQueued(work, rows, CLAIM, at)
        )
        assert.lengthOf(claimed, taken)
        const stored = await executions.find(id)
        assert.equal(stored?.state, taken === 1 ? 'running' : 'queued')
      })
  })
}
