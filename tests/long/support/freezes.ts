import type { Storage } from '../../../src/storage/contract.ts'
import type { ExecutionRecord } from '../../../src/types/executions.ts'
import type { Hooks } from './crash_points.ts'
import type { LateWrites, Report } from './protocol.ts'

/** A stop of the process that lasts longer is a freeze, ms. */
const LOOKS = 100
const FREEZE = 1_500

/**
 * Notices that this process was stopped and goes on, and tries, for all that
 * it held before, what a process could try that does not know yet: to end it,
 * to renew it, to write its checkpoint and its log.
 */
export class Freezes {
  readonly #storage: Storage
  readonly #tell: (report: Report) => void
  readonly #held = new Map<string, ExecutionRecord>()
  #lastLook = performance.now()
  #timer: NodeJS.Timeout | null = null

  constructor(storage: Storage, tell: (report: Report) => void) {
    this.#storage = storage
    this.#tell = tell
  }

  watch(): void {
    this.#timer = setInterval(() => {
      const passed = performance.now() - this.#lastLook
      this.#lastLook = performance.now()
      if (passed > FREEZE) {
        void this.#thaw()
      }
    }, LOOKS)
  }

  end(): void {
    if (this.#timer) {
      clearInterval(this.#timer)
    }
  }

  /** Notes what this node claims and settles. */
  hooks(others: Hooks): Hooks {
    return {
      ...others,
      'executions.claim': async (run, args) => {
        const claimed = await (others['executions.claim']?.(run, args) ?? run())
        for (const execution of claimed as ExecutionRecord[]) {
          this.#held.set(execution.id, execution)
        }
        return claimed
      },
      'executions.settle': async (run, args) => {
        const results = await (others['executions.settle']?.(run, args) ?? run())
        for (const { id } of results as { id: string }[]) {
          this.#held.delete(id)
        }
        return results
      },
    }
  }

  async #thaw(): Promise<void> {
    const holds: LateWrites[] = []
    for (const execution of this.#held.values()) {
      holds.push(await this.#tryAll(execution))
    }
    this.#tell({ kind: 'thawed', holds })
  }

  async #tryAll({ id, node, attempt }: ExecutionRecord): Promise<LateWrites> {
    const { executions, logs } = this.#storage
    const fence = { id, node: node!, attempt }
    const hold = { id, attempt, startedAt: null }
    const { owned } = await executions.renew({
      now: null,
      node: node!,
      lease: 1_500,
      holds: [hold],
    })
    if (owned.has(id)) {
      return { id, attempt, owned: true, taken: [] }
    }
    const entry = { executionId: id, attempt, seq: 1_000_000, at: 0, level: 'info' as const }
    const entries = [{ ...entry, message: 'late', data: null }]
    const settlements = [{ ...fence, to: 'succeeded' as const, startedAt: null }]
    const [settled] = await executions.settle({ now: null, settlements })
    const answers = {
      settle: settled.applied,
      checkpoint: await executions.saveCheckpoint({ now: null, fence, checkpoint: 'late' }),
      log: (await logs.append({ node: node!, entries })) > 0,
    }
    const taken = Object.entries(answers).flatMap(([name, was]) => (was ? [name] : []))
    return { id, attempt, owned: false, taken }
  }
}
