import { Handler } from '../../../../../src/handler.ts'

/** Ends its process without a word. */
export default class Leaving extends Handler {
  static override options = { isolate: 'process' as const, retry: false as const }

  handle() {
    console.error('cannot go on')
    process.exit(7)
  }
}
