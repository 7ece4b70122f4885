import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Handler } from '../../../../../src/handler.ts'
import type { HandlerContext } from '../../../../../src/types/handlers.ts'

/** Ends as soon as it is asked to. */
export default class Obedient extends Handler<{ mark: string }> {
  static override options = { retry: false as const }

  async handle({ payload, signal }: HandlerContext<{ mark: string }>) {
    writeFileSync(payload.mark, String(process.pid))
    await once(signal, 'abort')
    signal.throwIfAborted()
  }
}
