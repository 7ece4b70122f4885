import { writeFileSync } from 'node:fs'
import { Handler } from '../../../../../src/handler.ts'
import type { HandlerContext } from '../../../../../src/types/handlers.ts'

/** Looks at no signal, and never ends. */
export default class Deaf extends Handler<{ mark: string }> {
  static override options = { retry: false as const }

  handle({ payload }: HandlerContext<{ mark: string }>) {
    writeFileSync(payload.mark, String(process.pid))
    return new Promise(() => setInterval(() => {}, 1_000))
  }
}
