import type { ExecutionRecord } from '../types/executions.ts'
import type { Enqueued } from './types.ts'
import type { WaitOptions } from './watch.ts'

/** What `enqueue` answers: which execution it is, and a way to wait for it. */
export class EnqueuedExecution implements Enqueued {
  readonly id: string
  readonly inserted: boolean
  declare readonly change?: Enqueued['change']
  readonly #waitFor: (id: string, options: WaitOptions) => Promise<ExecutionRecord | null>

  constructor(
    { id, inserted, change }: Pick<Enqueued, 'id' | 'inserted' | 'change'>,
    waitFor: (id: string, options: WaitOptions) => Promise<ExecutionRecord | null>
  ) {
    this.id = id
    this.inserted = inserted
    if (change) {
      this.change = change
    }
    this.#waitFor = waitFor
  }

  wait(options: WaitOptions = {}): Promise<ExecutionRecord | null> {
    return this.#waitFor(this.id, options)
  }
}
