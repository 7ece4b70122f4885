import type { Bounds } from './bounds.ts'
import type { Zone } from './wall_clock.ts'
import type { ClockPolicy, WallSeries } from './zoned_series.ts'

/**
 * A trigger in the form that computes: parsed once, asked often.
 */
export interface CompiledTrigger {
  /**
   * The first slot strictly after an instant, or null when none follows.
   * Both in epoch ms.
   */
  next(after: number): number | null
}

/** Has no slot at all. */
export const NEVER: CompiledTrigger = { next: () => null }

/** A series of wall clocks, and how a zone makes instants of them. */
export interface ZonedWalls {
  walls: WallSeries
  zone: Zone
  policy: ClockPolicy
  /** Bounds of its own, besides those that every trigger may carry. */
  bounds?: Bounds
}

/** A series of instants. */
export interface Instants extends CompiledTrigger {
  bounds?: Bounds
  /** The single slot of a series that has one: an exclusion may move it. */
  single?: number
}

/** What one kind of trigger computes, without regard to bounds and exclusions. */
export type Series = ZonedWalls | Instants
