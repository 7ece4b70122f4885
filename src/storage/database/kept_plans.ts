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
 * that the table has grown fourfold.
 */
export class KeptPlans {
  #magnitude: number | null = null

  /** What is known of the table of executions. */
  static of(connection: StoreConnection): KeptPlans {
    const plans = known.get(connection) ?? new KeptPlans()
    known.set(connection, plans)
    return plans
  }

  /** Whether the size of the table was told already. */
  get known(): boolean {
    return this.#magnitude !== null
  }

  /** The statement for a table of this size. */
  mark(sql: string): string {
    return `${sql} /* ${this.#magnitude} */`
  }

  sized(bytes: number): void {
    this.#magnitude = Math.floor(Math.log(1 + bytes / SMALL) / Math.log(GROWTH))
  }
}
