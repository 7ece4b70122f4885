import type { StoreConnection } from './connection.ts'

/** A table of fewer bytes is read whole in no time, whatever the plan. */
const SMALL = 65_536
/** How much a table grows before what is kept for it is planned anew. */
const GROWTH = 4

const known = new WeakMap<StoreConnection, KeptPlans>()

/**
 * For how large a table the server keeps plans. It makes them for the table as
 * it is then, reads small ones whole, and notices growth only with the next
 * statistics: so a statement is another one, with a plan of its own, each time
 * that the table has grown fourfold. Where much is waiting, claims are planned
 * one by one, with their own limits.
 */
export class KeptPlans {
  /** Null while it is not known, or much is waiting. */
  #magnitude: number | null = null

  /** What is known of the table of executions. */
  static of(connection: StoreConnection): KeptPlans {
    const plans = known.get(connection) ?? new KeptPlans()
    known.set(connection, plans)
    return plans
  }

  /** Whether claims are to be kept: those that find little, whose planning costs more than they do. */
  get fit(): boolean {
    return this.#magnitude !== null
  }

  /** The statement for a table of this size. */
  mark(sql: string): string {
    return `${sql} /* ${this.#magnitude} */`
  }

  /** @param seen size of the table, and whether a claim has found all that it asked for */
  claimed(seen: { bytes: number; full: boolean }): void {
    const magnitude = Math.floor(Math.log(1 + seen.bytes / SMALL) / Math.log(GROWTH))
    this.#magnitude = seen.full ? null : magnitude
  }
}
