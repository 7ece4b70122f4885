import Polite from './polite.ts'
import type { HandlerOptions } from '../../../../../src/types/handlers.ts'

/** The same in a thread. */
export default class PoliteThread extends Polite {
  static override options: HandlerOptions = { isolate: 'thread', retry: false }
}
