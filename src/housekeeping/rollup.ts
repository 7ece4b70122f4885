import type { Clock } from '../clock.ts'
import type { Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import { inBatches } from './prune.ts'

/** Batches of one round. */
const MAX_BATCHES = 50
/** Totals of one batch that are joined: each may stand for hundreds of executions. */
const MAX_FOLDED = 200

interface Deps {
  storage: Storage
  clock: Clock
  config: Pick<CoreConfig, 'housekeeping'>
}

/** Adds ended executions, and totals that ends brought along, to the daily totals, in small batches. */
export class Rollup {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @returns how many executions were added */
  async runOnce(): Promise<number> {
    const { storage, clock, config } = this.#deps
    const { batch } = config.housekeeping
    const { rows } = await inBatches(batch, MAX_BATCHES, () =>
      storage.stats.rollup({ now: clock.nowOrNull(), limit: batch })
    )
    await inBatches(MAX_FOLDED, MAX_BATCHES, () => storage.stats.fold({ limit: MAX_FOLDED }))
    return rows
  }
}
