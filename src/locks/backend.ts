/** A lock that is held. */
export interface HeldLock {
  /** @returns false when it is no longer ours */
  renew(ttl: number): Promise<boolean>
  release(): Promise<void>
}

/** Where locks are kept: our own leases, or the host's locks. */
export interface LockBackend {
  /**
   * @param owner one of a kind
   * @param ttl ms
   * @returns null when another holds it
   */
  acquire(name: string, owner: string, ttl: number): Promise<HeldLock | null>
}
