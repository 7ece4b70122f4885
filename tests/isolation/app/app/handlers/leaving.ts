import { Handler } from '../../../../../src/handler.ts'
import type { HandlerOptions } from '../../../../../src/types/handlers.ts'

/** Ends its process without a word. */
export default class Leaving extends Handler {
  static override options: HandlerOptions = { isolate: 'process', retry: false }

  handle() {
    console.error('cannot go on')
    process.exit(7)
  }
}
