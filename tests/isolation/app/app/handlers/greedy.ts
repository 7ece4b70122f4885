import { Handler } from '../../../../../src/handler.ts'

/** Takes all the memory it is given, and more. */
export default class Greedy extends Handler {
  static override options = {
    isolate: { in: 'process' as const, memory: 96 },
    retry: false as const,
  }

  handle() {
    const kept: unknown[] = []
    for (;;) {
      kept.push(Array.from({ length: 10_000 }, (_, index) => ({ index })))
    }
  }
}
