import type { ExecutionRecord } from '../types/executions.ts'
import type { Enqueued } from './types.ts'
import type { WaitOptions } from './watch.ts'

/** What `enqueue` answers: which execution it is, and a way to wait for it. */
export class EnqueuedExecution implements Enqueued {
  readonly id: string
  readonly inserted: boolean
  readonly #waitFor: (id: string, options: WaitOptions) => Promise<ExecutionRecord | null>

  constructor(
    { id, inserted }: Pick<Enqueued, 'id' | 'inserted'>,
    waitFor: (id: string, options: WaitOptions) => Promise<ExecutionRecord | null>
  ) {
    this.id = id
    this.inserted = inserted
    this.#waitFor = waitFor
  }

  wait(options: WaitOptions = {}): Promise<ExecutionRecord | null> {
    return this.#waitFor(this.id, options)
  }
}
