import type { MessagePort } from 'node:worker_threads'
import { SystemClock } from '../clock.ts'
import { HandlerSide } from './handler_side.ts'
import { bootApp, loadHandler } from './host_app.ts'
import { lineOf } from './port_line.ts'
import { ThreadPrints } from './prints.ts'
import type { FromHandler, Job, ToHandler } from './wire.ts'

/*
 * What a thread of `isolate: 'thread'` runs: it boots the app with its first
 * attempt, keeps it for the next ones, and has one attempt at a time.
 */

export interface ThreadTask {
  job: Job
  port: MessagePort
}

const clock = new SystemClock()
const prints = new ThreadPrints()
let app: ReturnType<typeof bootApp> | null = null

/** Runs the handler of one attempt; how it ended goes through the port. */
export default async function perform({ job, port }: ThreadTask): Promise<void> {
  const side = new HandlerSide(lineOf<FromHandler, ToHandler>(port), clock)
  try {
    app ??= bootApp(job.root)
    const handler = await loadHandler(await booted(app), job)
    await side.perform(job, (context) => prints.run(context.logger, () => handler(context)))
  } catch (error) {
    side.refuse(error)
  }
}

/** One that could not boot is booted anew by the next attempt. */
async function booted(booting: ReturnType<typeof bootApp>) {
  try {
    return await booting
  } catch (error) {
    app = null
    throw error
  }
}
