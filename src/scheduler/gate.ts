import { E_ALMANAC_NOT_READY, E_SCHEMA_OUTDATED } from '../errors.ts'
import { SCHEMA_VERSION, type Storage } from '../storage/contract.ts'

/**
 * Stands before the store: closed until the app has booted and again after
 * its shutdown, and opened for good by the first look at the schema version.
 */
export class Gate {
  readonly #storage: Storage
  #state: 'not booted yet' | 'open' | 'shut down' = 'not booted yet'
  #verified = false
  #verifying: Promise<void> | null = null

  constructor(storage: Storage) {
    this.#storage = storage
  }

  get state() {
    return this.#state
  }

  get verified(): boolean {
    return this.#verified
  }

  open(): void {
    this.#state = 'open'
  }

  close(): void {
    this.#state = 'shut down'
  }

  /** @throws E_ALMANAC_NOT_READY before boot and after shutdown */
  check(): void {
    if (this.#state !== 'open') {
      throw new E_ALMANAC_NOT_READY([this.#state])
    }
  }

  /**
   * Looks at the store's schema version, once. A newer store is fine: its
   * migrations only add.
   *
   * @throws E_SCHEMA_OUTDATED
   */
  verify(): Promise<void> {
    this.#verifying ??= this.#verify().finally(() => (this.#verifying = null))
    return this.#verifying
  }

  async #verify(): Promise<void> {
    const found = await this.#storage.schemaVersion()
    if (found < SCHEMA_VERSION) {
      throw new E_SCHEMA_OUTDATED([String(found), String(SCHEMA_VERSION)])
    }
    this.#verified = true
  }
}

/** The same store behind the gate. */
export function gatedStorage(storage: Storage, gate: Gate): Storage {
  return {
    events: gated(storage.events, gate),
    executions: gated(storage.executions, gate),
    leases: gated(storage.leases, gate),
    nodes: gated(storage.nodes, gate),
    stats: gated(storage.stats, gate),
    logs: gated(storage.logs, gate),
    journal: gated(storage.journal, gate),
    controls: gated(storage.controls, gate),
    workflows: gated(storage.workflows, gate),
    now: () => storage.now(),
    schemaVersion: () => storage.schemaVersion(),
    watch: async (watcher) => (await storage.watch?.(watcher)) ?? null,
    close: () => storage.close(),
  }
}

type Method = (...args: unknown[]) => Promise<unknown>

function gated<T extends object>(store: T, gate: Gate): T {
  const methods = new Map<PropertyKey, Method>()
  return new Proxy(store, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target)
      if (typeof member !== 'function') {
        return member
      }
      let method = methods.get(key)
      if (!method) {
        method = behind(gate, (...args) => Reflect.apply(member, target, args) as Promise<unknown>)
        methods.set(key, method)
      }
      return method
    },
  })
}

function behind(gate: Gate, call: Method): Method {
  return async (...args) => {
    gate.check()
    if (!gate.verified && !joinsTransaction(args[0])) {
      await gate.verify()
    }
    return call(...args)
  }
}

/** Within the caller's transaction no second connection may be asked: SQLite has only one. */
function joinsTransaction(params: unknown): boolean {
  return typeof params === 'object' && params !== null && 'client' in params && !!params.client
}
