import type { ControlRecord, ControlScope, HandlerLimits } from '../../types/controls.ts'
import type { Now } from './now.ts'

export type ControlChange =
  | { kind: 'pause'; reason: string | null }
  | { kind: 'resume' }
  /** Fields that are left out stay as they are; null takes all of them back. */
  | { kind: 'limit'; limits: Partial<HandlerLimits> | null; reason: string | null }
  /** What the options of the handler say; null = nothing. */
  | { kind: 'declare'; limits: HandlerLimits | null }

export interface ControlTarget {
  scope: ControlScope
  name: string
}

/**
 * Pauses and limits. What is stored here holds for every claim that begins
 * afterwards, on every node, whatever its process believes.
 */
export interface ControlStore {
  /** All that pause or limit something, by scope and name. */
  list(): Promise<ControlRecord[]>

  /**
   * Changes controls in one transaction, each with its journal row; what
   * changes nothing is not written.
   *
   * @returns the records that were written
   */
  change(params: {
    now: Now
    changes: (ControlTarget & { change: ControlChange })[]
    /** Who, for the journal. */
    by: string
  }): Promise<ControlRecord[]>
}
