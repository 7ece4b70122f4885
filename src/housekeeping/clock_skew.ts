import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { Logger } from '../types/logger.ts'

interface Deps {
  storage: Pick<Storage, 'now'>
  clock: Clock
  logger: Logger
  counters: Counters
  config: Pick<CoreConfig, 'maxClockSkew'>
}

/**
 * Compares this node's wall clock with the database's. Nothing is decided by
 * the node's; but its logs and screens tell wrong times, and so do handlers
 * that ask it.
 */
export class ClockSkew {
  readonly #deps: Deps
  #warned = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Looks at both clocks. The first look beyond the limit warns, and so does
   * the first after a return.
   *
   * @returns ms that this node is ahead of the database, less what the call itself may account for
   */
  async look(): Promise<number> {
    const { storage, clock, config } = this.#deps
    const began = clock.monotonic()
    const before = clock.now()
    const database = await storage.now()
    const unsure = (clock.monotonic() - began) / 2
    const apart = before + unsure - database
    const skew = Math.round(Math.sign(apart) * Math.max(0, Math.abs(apart) - unsure))
    this.#judge(skew, Math.abs(skew) > config.maxClockSkew)
    return skew
  }

  #judge(skew: number, beyond: boolean): void {
    const { logger, counters } = this.#deps
    if (beyond) {
      counters.increment('clock.skewed')
    }
    if (beyond && !this.#warned) {
      const side = skew > 0 ? 'ahead of' : 'behind'
      const message = `The clock of this node is ${Math.abs(skew)} ms ${side} the database's; check its time service`
      logger.warn({ skew }, message)
    } else if (!beyond && this.#warned) {
      logger.info({ skew }, "The clock of this node agrees with the database's again")
    }
    this.#warned = beyond
  }
}
