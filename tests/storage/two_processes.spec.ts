import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from '@japa/runner'
import { newId } from '../../src/ids.ts'
import { createDatabase, execution } from './support.ts'

const CLAIMER = fileURLToPath(new URL('claimer.ts', import.meta.url))
const CLAIMS = 5_000
const BATCH = 20

/** A claimer in a process of its own, which waits for go(). */
async function startClaimer(file: string, node: string) {
  const child = spawn(
    process.execPath,
    ['--import=@poppinss/ts-exec', CLAIMER, file, node, String(BATCH)],
    { stdio: ['pipe', 'pipe', 'inherit'] }
  )
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const exited = once(child, 'exit') as Promise<[code: number]>
  await lines.next()
  return {
    go: () => child.stdin.end('go\n'),
    async claimed(): Promise<string[]> {
      const { value } = await lines.next()
      const [code] = await exited
      if (code !== 0) {
        throw new Error(`The claimer ended with exit code ${code}`)
      }
      return JSON.parse(value as string) as string[]
    },
  }
}

test.group('storage on SQLite / two processes', () => {
  test(`${CLAIMS} claims on one file, none twice`, async ({ assert, cleanup }) => {
    const database = await createDatabase()
    cleanup(() => database.cleanup())
    const { executions } = database.storage()
    const ids: string[] = Array.from({ length: CLAIMS }, () => newId())
    const [a, b] = await Promise.all([
      startClaimer(database.file, 'a.1'),
      startClaimer(database.file, 'b.1'),
    ])
    await executions.enqueue({
      now: null,
      executions: ids.map((id, index) =>
        // A part of them may run only one at a time
        execution({ id, concurrencyKey: index % 10 === 0 ? `key ${index % 500}` : null })
      ),
    })
    a.go()
    b.go()
    const [byA, byB] = await Promise.all([a.claimed(), b.claimed()])
    assert.isAbove(byA.length, 0)
    assert.isAbove(byB.length, 0)
    assert.lengthOf(byA.concat(byB), CLAIMS)
    assert.sameMembers(byA.concat(byB), ids)
    assert.deepEqual(await executions.countByState(), { succeeded: CLAIMS })
    const rows = await executions.list({ limit: CLAIMS })
    assert.isTrue(rows.every(({ attempt }) => attempt === 1))
  }).timeout(30_000)
})
