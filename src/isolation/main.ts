import { ProcessIsolator } from './process_isolator.ts'
import type { Clock } from '../clock.ts'
import type { HandlerContext, Isolation, Isolator } from '../types/handlers.ts'

/** Runs isolated handlers; what one way needs is loaded when it is first used. */
export class Isolators implements Isolator {
  readonly #process: ProcessIsolator

  /** @param deps.root URL of the app's root */
  constructor(deps: { clock: Clock; root: string }) {
    this.#process = new ProcessIsolator(deps)
  }

  check(): void {
    // A process is always to be had
  }

  run(name: string, isolation: Isolation, context: HandlerContext): Promise<unknown> {
    return this.#process.run(name, isolation, context)
  }
}
