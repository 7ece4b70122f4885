import { Handler } from '../../../../../src/handler.ts'
import type { HandlerContext, HandlerOptions } from '../../../../../src/types/handlers.ts'

/** Tells where it runs; fails in its first attempt where it is told to. */
export default class Where extends Handler<{ fails?: boolean }> {
  static override options: HandlerOptions = { queue: 'heavy' }

  handle({ payload, execution, progress, logger }: HandlerContext<{ fails?: boolean }>) {
    logger.info('runs', { pid: process.pid })
    progress({ done: 1, total: 2 })
    if (payload?.fails && execution.failures === 0) {
      throw new Error('unlucky')
    }
    return { pid: process.pid, node: execution.node }
  }
}
