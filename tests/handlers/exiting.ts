import { SystemClock } from '../../src/clock.ts'
import { runChild } from '../../src/handlers/process/child.ts'

/*
 * A node that ends while a program of it runs: it prints the program's id.
 */
const code = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); console.log(process.pid)`

await runChild(
  {
    file: process.execPath,
    args: ['-e', code],
    cwd: '/',
    env: {},
    grace: 60_000,
    mark: 'exiting',
  },
  {
    clock: new SystemClock(),
    signal: new AbortController().signal,
    onOutput: (_, chunk) => process.stdout.write(chunk, () => process.exit(1)),
  }
)
