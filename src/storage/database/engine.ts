import type { Work } from './work.ts'

export type Unit<T> = (work: Work) => Promise<T>
export type Mode = 'write' | 'snapshot'

/**
 * Lends a pooled connection for one unit of work, and gives it back with no
 * transaction open whatever happens.
 */
export interface Engine {
  /** Statements outside a transaction. */
  read<T>(unit: Unit<T>): Promise<T>
  /** Statements in one transaction, rolled back when the unit throws. */
  transaction<T>(mode: Mode, unit: Unit<T>): Promise<T>
}
