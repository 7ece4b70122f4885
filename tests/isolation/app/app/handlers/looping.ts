import { writeFileSync } from 'node:fs'
import { Handler } from '../../../../../src/handler.ts'
import type { HandlerContext, HandlerOptions } from '../../../../../src/types/handlers.ts'

/** Never lets its event loop turn. */
export default class Looping extends Handler<{ mark: string }> {
  static override options: HandlerOptions = {
    isolate: { in: 'process', grace: 200 },
    retry: false,
  }

  handle({ payload }: HandlerContext<{ mark: string }>) {
    writeFileSync(payload.mark, String(process.pid))
    for (;;) {
      // as a mistake would
    }
  }
}
