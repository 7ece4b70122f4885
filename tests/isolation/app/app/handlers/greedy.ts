import { Handler } from '../../../../../src/handler.ts'
import type { HandlerOptions } from '../../../../../src/types/handlers.ts'

/** Takes all the memory it is given, and more. */
export default class Greedy extends Handler {
  static override options: HandlerOptions = {
    isolate: { in: 'process', memory: 96 },
    retry: false,
  }

  handle() {
    const kept: unknown[] = []
    for (;;) {
      kept.push(Array.from({ length: 10_000 }, (_, index) => ({ index })))
    }
  }
}
