import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { Handler } from '../../../../../src/handler.ts'
import type { HandlerContext, HandlerOptions } from '../../../../../src/types/handlers.ts'

/** Notes each of its runs, and ends when it is aborted; with `short` at once. */
export default class Waiting extends Handler<{ mark: string; short?: boolean }> {
  static override options: HandlerOptions = { queue: 'heavy' }

  async handle({ payload, signal }: HandlerContext<{ mark: string; short?: boolean }>) {
    appendFileSync(payload.mark, `${process.pid}\n`)
    if (!payload.short && !signal.aborted) {
      await once(signal, 'abort')
      signal.throwIfAborted()
    }
  }
}
