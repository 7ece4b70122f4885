import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const BENCHMARKS = new URL('../', import.meta.url)
const run = promisify(execFile)

/** Runs a script in a process of its own. @returns the JSON of its last line */
export async function measure<T>(script: string, order: object): Promise<T> {
  const file = fileURLToPath(new URL(script, BENCHMARKS))
  const args = ['--expose-gc', '--import=@poppinss/ts-exec', file, JSON.stringify(order)]
  const { stdout } = await run(process.execPath, args, {
    cwd: fileURLToPath(new URL('../', BENCHMARKS)),
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, NO_LOG_SUCCESS: '1' },
  })
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as T
}
