import Looping from './looping.ts'
import type { HandlerOptions } from '../../../../../src/types/handlers.ts'

/** The same in a thread. */
export default class LoopingThread extends Looping {
  static override options: HandlerOptions = {
    isolate: { in: 'thread', grace: 200 },
    retry: false,
  }
}
