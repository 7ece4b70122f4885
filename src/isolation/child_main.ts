import { Worker } from 'node:worker_threads'
import { SystemClock } from '../clock.ts'
import { HandlerSide } from './handler_side.ts'
import { bootApp, loadHandler } from './host_app.ts'
import type { FromHandler, Job, Line, ToHandler } from './wire.ts'

/*
 * What a child process of `isolate: 'process'` runs: it boots the app, runs
 * the one handler, tells how it ended, and ends.
 */

const extension = import.meta.url.slice(-3)
new Worker(new URL(`./watchdog${extension}`, import.meta.url), { workerData: process.ppid }).unref()

const line: Line<FromHandler, ToHandler> = {
  send: (message) => void process.send?.(message),
  onMessage: (listener) => process.on('message', (message) => listener(message as ToHandler)),
}
const side = new HandlerSide(line, new SystemClock())
process.on('SIGTERM', () => side.abort('cancelled'))
process.on('disconnect', () => process.exit(1))
process.on('message', (message: ToHandler) => {
  if (message.type === 'run') {
    void run(message.job)
  }
})

async function run(job: Job): Promise<void> {
  try {
    const app = await bootApp(job.root)
    await side.perform(job, await loadHandler(app, job))
    await app.terminate()
  } catch (error) {
    side.refuse(error)
  }
  // What is still on its way to the other side goes first
  process.disconnect()
}
