import { hashKey } from '../keys.ts'
import type { Clock } from '../clock.ts'
import type { Storage } from '../storage/contract.ts'
import type { HeldLock, LockBackend } from './backend.ts'

/** Locks as leases of the store: the database's clock decides when one has lapsed. */
export class LeaseBackend implements LockBackend {
  readonly #deps: { storage: Storage; clock: Clock }

  constructor(deps: { storage: Storage; clock: Clock }) {
    this.#deps = deps
  }

  async acquire(name: string, owner: string, ttl: number): Promise<HeldLock | null> {
    const { storage, clock } = this.#deps
    // Hashed, so that any name fits the column and compares alike under every collation
    const key = { name: `lock:${hashKey(name)}`, owner }
    const lease = await storage.leases.acquire({ now: clock.nowOrNull(), ...key, ttl })
    if (lease === null) {
      return null
    }
    const { term } = lease
    return {
      renew: (length) =>
        storage.leases.renew({ now: clock.nowOrNull(), ...key, term, ttl: length }),
      release: async () => {
        await storage.leases.release({ now: clock.nowOrNull(), ...key, term })
      },
    }
  }
}
