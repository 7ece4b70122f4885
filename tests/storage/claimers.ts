import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { newId } from '../../src/ids.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { execution } from './support.ts'

const CLAIMER = fileURLToPath(new URL('claimer.ts', import.meta.url))
export const CLAIMS = 5_000
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

/** Two processes claim and settle all that is queued: each row once. */
export async function claimInTwoProcesses(
  { executions }: Storage,
  location: string
): Promise<void> {
  const ids: string[] = Array.from({ length: CLAIMS }, () => newId())
  const [a, b] = await Promise.all([startClaimer(location, 'a.1'), startClaimer(location, 'b.1')])
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
  assert.ok(byA.length > 0 && byB.length > 0, `${byA.length} and ${byB.length}`)
  assert.deepEqual(byA.concat(byB).sort(), ids.sort())
  assert.deepEqual(await executions.countByState(), { succeeded: CLAIMS })
  const rows = await executions.list({ limit: CLAIMS })
  assert.ok(rows.every(({ attempt }) => attempt === 1))
}
