import type { LeaseRecord, LeaseStore } from '../contract.ts'
import type { MemoryTables } from './tables.ts'

type Params<K extends keyof LeaseStore> = Parameters<LeaseStore[K]>[0]

export class MemoryLeaseStore implements LeaseStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async acquire({ now, name, owner, ttl }: Params<'acquire'>): Promise<LeaseRecord | null> {
    const at = this.#tables.now(now)
    const row = this.#tables.leases.get(name) ?? { term: 0, held: null }
    const valid = row.held !== null && row.held.expiresAt > at
    if (valid && row.held!.owner !== owner) {
      return null
    }
    const term = valid ? row.term : row.term + 1
    const held = { name, owner, term, expiresAt: at + ttl }
    this.#tables.leases.set(name, { term, held })
    return { ...held }
  }

  async renew({ now, name, owner, term, ttl }: Params<'renew'>): Promise<boolean> {
    const held = this.#held(name, owner, term)
    if (held) {
      held.expiresAt = this.#tables.now(now) + ttl
    }
    return held !== undefined
  }

  async release({ name, owner, term }: Params<'release'>): Promise<boolean> {
    const held = this.#held(name, owner, term)
    if (held) {
      // The row stays, so that the next owner's term is a later one
      this.#tables.leases.set(name, { term, held: null })
    }
    return held !== undefined
  }

  async find(name: string): Promise<LeaseRecord | null> {
    const held = this.#tables.leases.get(name)?.held
    return held ? { ...held } : null
  }

  #held(name: string, owner: string, term: number): LeaseRecord | undefined {
    const held = this.#tables.leases.get(name)?.held
    return held?.owner === owner && held.term === term ? held : undefined
  }
}
