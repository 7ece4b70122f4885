/** What changed: work waits that did not before, or an event is due earlier than was known. */
export type StoreChange = 'work' | 'events'

/** Who is told of changes, whichever process made them. */
export interface StoreWatcher {
  /** May be called for a change that somebody else has taken care of meanwhile. */
  changed(change: StoreChange): void
  /** From now on changes are told; what happened before, or during a loss, may not have been. */
  listening(): void
  /** Changes are not told for the time being; it is tried again by itself. Told once per loss. */
  lost(error: unknown): void
}

/** A watch under way. */
export interface StoreWatch {
  /** Tells nothing any more, and lets go of what it holds. Never fails. */
  stop(): Promise<void>
}
