import Greedy from './greedy.ts'
import type { HandlerOptions } from '../../../../../src/types/handlers.ts'

/** The same in a thread. */
export default class GreedyThread extends Greedy {
  static override options: HandlerOptions = {
    isolate: { in: 'thread', memory: 96 },
    retry: false,
  }
}
