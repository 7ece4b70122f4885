import app from '@adonisjs/core/services/app'
import { Handler } from 'adonisjs-almanac'
import type { HandlerContext, HandlerOptions } from 'adonisjs-almanac/types'
import { appendFile } from 'node:fs/promises'

export default class LeaveMark extends Handler<{ file: string }> {
  static options: HandlerOptions = { timeout: '10s' }

  async handle({ payload, signal }: HandlerContext<{ file: string }>) {
    signal.throwIfAborted()
    await appendFile(app.makePath(payload.file), `fired in ${process.version}\n`)
  }
}
