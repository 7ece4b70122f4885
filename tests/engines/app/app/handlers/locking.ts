import { Handler } from '../../../../../src/handler.ts'
import type { HandlerContext } from '../../../../../src/types/handlers.ts'

/** Tells whether it could have the lock, and leaves it to be released. */
export default class Locking extends Handler {
  async handle({ lock }: HandlerContext) {
    return { acquired: await lock('stock', '30s').tryAcquire() }
  }
}
