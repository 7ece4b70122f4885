import app from '@adonisjs/core/services/app'
import { Handler } from 'adonisjs-almanac'
import type { HandlerContext, HandlerOptions } from 'adonisjs-almanac/types'
import { writeFile } from 'node:fs/promises'
import { threadId } from 'node:worker_threads'

/** Writes where it runs: the process, and the thread in it. */
export default class TellPlace extends Handler<{ file: string }> {
  static options: HandlerOptions = { isolate: 'process' }

  async handle({ payload, logger }: HandlerContext<{ file: string }>) {
    logger.info('isolated')
    await writeFile(app.makePath(payload.file), `${process.pid} ${threadId}`)
  }
}
