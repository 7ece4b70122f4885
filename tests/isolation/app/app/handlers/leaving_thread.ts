import Leaving from './leaving.ts'
import type { HandlerOptions } from '../../../../../src/types/handlers.ts'

/** The same in a thread. */
export default class LeavingThread extends Leaving {
  static override options: HandlerOptions = { isolate: 'thread', retry: false }
}
