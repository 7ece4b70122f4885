import { threadId } from 'node:worker_threads'
import { Handler } from '../../../../../src/handler.ts'
import { outcome } from '../../../../../src/jobs/outcome_words.ts'
import almanac from '../../../../../src/services/main.ts'
import type { HandlerContext, HandlerOptions } from '../../../../../src/types/handlers.ts'

/** Uses all of its context. */
export default class Polite extends Handler<{ say: string }> {
  static override options: HandlerOptions = { isolate: 'process', retry: false }

  async handle(context: HandlerContext<{ say: string }>) {
    const { payload, logger, attempt, fencingToken, checkpoint } = context
    if (payload.say === 'snooze') {
      return outcome.snooze('1h', 'later')
    }
    if (payload.say === 'fail') {
      throw outcome.fail('no such row', { cause: new RangeError('7'), result: { row: 7 } })
    }
    if (payload.say === 'throw') {
      throw Object.assign(new TypeError('no route', { cause: new Error('dns') }), { code: 'E_NET' })
    }
    logger.info('begun', { at: new Error('spelled out') })
    console.log('printed')
    context.progress({ done: 1, total: 4, message: 'loading' })
    await context.saveCheckpoint({ page: 2 })
    context.extend('10m')
    const lock = context.lock('stock', '5s')
    const busy = await lock.run(() => context.lock('stock').tryAcquire())
    const { id } = await almanac.enqueue('noted', { from: payload.say })
    return {
      ...{ attempt, fencingToken, before: checkpoint, after: context.checkpoint, busy, id },
      state: almanac.state,
      pid: process.pid,
      thread: threadId,
    }
  }
}
