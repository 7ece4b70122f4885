import type { SettleResult, Settlement, Storage } from '../../../src/storage/contract.ts'
import type { ExecutionRecord } from '../../../src/types/executions.ts'
import type { Hooks } from './crash_points.ts'
import { patiently } from './patience.ts'
import type { LateWrites, Report } from './protocol.ts'

/** A stop of the process that lasts longer is a freeze, and not a busy machine, ms. */
const LOOKS = 100
const FREEZE = 4_500

/**
 * Notices that this process was stopped and goes on, and tries, for all that
 * it held before, what a process could try that does not know yet: to end it,
 * to renew it, to write its checkpoint and its log.
 */
export class Freezes {
  readonly #storage: Storage
  readonly #tell: (report: Report) => void
  /** By attempt: a later one may be this node's again before the earlier one is tried. */
  readonly #held = new Map<string, ExecutionRecord>()
  /** Claims whose answers are on their way. */
  readonly #claims = new Set<Promise<unknown>>()
  #lastLook = performance.now()
  #thawing: Promise<void> = Promise.resolve()
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
        // One after the other: a busy machine looks like a freeze, and one may come in the middle
        this.#thawing = this.#thawing.then(() => this.#thaw(Math.round(passed)))
      }
    }, LOOKS)
  }

  end(): void {
    if (this.#timer) {
      clearInterval(this.#timer)
    }
  }

  /** Notes what this node claims, until the store takes its end. */
  hooks(others: Hooks): Hooks {
    return {
      ...others,
      'executions.claim': (run, args) =>
        this.#claim(async () => {
          const claimed = await (others['executions.claim']?.(run, args) ?? run())
          return claimed as ExecutionRecord[]
        }),
      'executions.takeOver': async (run, args) => {
        const [taken] = await this.#claim(async () => {
          const answer = await (others['executions.takeOver']?.(run, args) ?? run())
          return answer === null ? [] : [answer as ExecutionRecord]
        })
        return taken ?? null
      },
      'executions.settle': async (run, args) => {
        const results = await (others['executions.settle']?.(run, args) ?? run())
        const [{ settlements }] = args as [{ settlements: Settlement[] }]
        for (const { id, applied } of results as SettleResult[]) {
          settlements
            .filter((each) => applied && each.id === id)
            .forEach((each) => this.#held.delete(keyOf(each)))
        }
        return results
      },
    }
  }

  /** Its answer may come after a freeze, and is then of work that is another's. */
  async #claim(run: () => Promise<ExecutionRecord[]>): Promise<ExecutionRecord[]> {
    const claim = run().then((claimed) => {
      claimed.forEach((execution) => this.#held.set(keyOf(execution), execution))
      return claimed
    })
    this.#claims.add(claim)
    try {
      return await claim
    } finally {
      this.#claims.delete(claim)
    }
  }

  async #thaw(after: number): Promise<void> {
    await Promise.allSettled(this.#claims)
    const holds: LateWrites[] = []
    for (const execution of [...this.#held.values()]) {
      const late = await patiently(() => this.#tryAll(execution))
      if (!late.owned) {
        this.#held.delete(keyOf(execution))
      }
      holds.push(late)
    }
    this.#tell({ kind: 'thawed', after, holds })
  }

  async #tryAll({ id, node, attempt }: ExecutionRecord): Promise<LateWrites> {
    const { executions, logs } = this.#storage
    const fence = { id, node: node!, attempt }
    const renew = async (progress?: { late: boolean }) => {
      const hold = { id, attempt, startedAt: null, progress }
      return executions.renew({ now: null, node: node!, lease: 1_500, holds: [hold] })
    }
    const first = await renew()
    if (first.owned.has(id)) {
      return { id, attempt, owned: true, taken: [] }
    }
    const entry = { executionId: id, attempt, seq: 1_000_000, at: 0, level: 'info' as const }
    const entries = [{ ...entry, message: 'late', data: null }]
    const settlements = [{ ...fence, to: 'succeeded' as const, startedAt: null }]
    const [settled] = await executions.settle({ now: null, settlements })
    const renewed = await renew({ late: true })
    const answers = {
      settle: settled.applied,
      renew: renewed.owned.has(id),
      checkpoint: await executions.saveCheckpoint({ now: null, fence, checkpoint: 'late' }),
      log: (await logs.append({ node: node!, entries })) > 0,
    }
    const taken = Object.entries(answers).flatMap(([name, was]) => (was ? [name] : []))
    return { id, attempt, owned: false, taken }
  }
}

function keyOf({ id, attempt }: { id: string; attempt: number }): string {
  return `${id}.${attempt}`
}
