import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { getActiveTest } from '@japa/runner'

/** A script of this folder in a process of its own, which goes with the test. */
export function runHelper(name: string, args: string[]): ChildProcess {
  const script = fileURLToPath(new URL(name, import.meta.url))
  const child = spawn(process.execPath, ['--import=@poppinss/ts-exec', script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  getActiveTest()?.cleanup(() => void child.kill('SIGKILL'))
  return child
}

/** A node that works on a store and legacy tables, by their URLs. */
export async function startWorker(store: string, warehouse: string): Promise<ChildProcess> {
  const worker = runHelper('legacy_worker.ts', [store, warehouse])
  await once(createInterface({ input: worker.stdout! }), 'line')
  return worker
}

/** Ends a process by force, and waits until it is gone. */
export async function killed(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
