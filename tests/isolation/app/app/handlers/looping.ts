import { writeFileSync } from 'node:fs'
import { Handler } from '../../../../../src/handler.ts'
import type { HandlerContext } from '../../../../../src/types/handlers.ts'

/** Never lets its event loop turn. */
export default class Looping extends Handler<{ mark: string }> {
  static override options = {
    isolate: { in: 'process' as const, grace: 200 },
    retry: false as const,
  }

  handle({ payload }: HandlerContext<{ mark: string }>) {
    writeFileSync(payload.mark, String(process.pid))
    for (;;) {
      // as a mistake would
    }
  }
}
