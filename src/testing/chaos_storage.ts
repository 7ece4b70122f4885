import { E_STORAGE_UNAVAILABLE } from '../errors.ts'
import type { Storage, StoreWatch, StoreWatcher } from '../storage/contract.ts'

type StoreName = {
  [K in keyof Storage]-?: Storage[K] extends ((...args: never[]) => unknown) | undefined ? never : K
}[keyof Storage]

/** A call of the storage contract, such as `executions.claim`, or `now`. */
export type StorageOperation =
  | { [S in StoreName]: `${S}.${keyof Storage[S] & string}` }[StoreName]
  | 'now'
  | 'schemaVersion'
  | 'watch'

/** When a planned failure strikes: instead of the call, or after the storage has done it. */
export type FailureMoment = 'before' | 'after'

interface Fault {
  operation: StorageOperation
  /** Calls that it still strikes. */
  times: number
  moment: FailureMoment
  error: Error
}

type AsyncMethod = (...args: unknown[]) => Promise<unknown>

/**
 * A storage that fails on demand: for tests of what happens when the database
 * is away, slow, or answers nothing after it has done its work.
 */
export class ChaosStorage implements Storage {
  readonly events: Storage['events']
  readonly executions: Storage['executions']
  readonly leases: Storage['leases']
  readonly nodes: Storage['nodes']
  readonly stats: Storage['stats']
  readonly logs: Storage['logs']
  readonly journal: Storage['journal']
  readonly controls: Storage['controls']
  readonly workflows: Storage['workflows']

  readonly #storage: Storage
  readonly #counts = new Map<string, number>()
  readonly #gates = new Map<string, Promise<void>>()
  #faults: Fault[] = []
  #away = false

  constructor(storage: Storage) {
    this.#storage = storage
    this.events = this.#wrap('events', storage.events)
    this.executions = this.#wrap('executions', storage.executions)
    this.leases = this.#wrap('leases', storage.leases)
    this.nodes = this.#wrap('nodes', storage.nodes)
    this.stats = this.#wrap('stats', storage.stats)
    this.logs = this.#wrap('logs', storage.logs)
    this.journal = this.#wrap('journal', storage.journal)
    this.controls = this.#wrap('controls', storage.controls)
    this.workflows = this.#wrap('workflows', storage.workflows)
  }

  /** Every call fails with E_STORAGE_UNAVAILABLE from now on. */
  outage(): void {
    this.#away = true
  }

  /** Ends the outage and forgets the planned failures. */
  heal(): void {
    this.#away = false
    this.#faults = []
  }

  /**
   * Lets the next calls of an operation fail.
   *
   * @param plan.times default 1; Infinity until `heal()`
   * @param plan.moment default `before`; `after` does the work and loses the answer
   */
  fail(
    operation: StorageOperation,
    plan: { times?: number; moment?: FailureMoment; error?: Error } = {}
  ): void {
    const {
      times = 1,
      moment = 'before',
      error = new Error(`${operation} failed on demand`),
    } = plan
    this.#faults.push({ operation, times, moment, error })
  }

  /** Calls of an operation wait until the returned function is called. */
  hold(operation: StorageOperation): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#gates.set(operation, promise)
    return () => {
      this.#gates.delete(operation)
      resolve()
    }
  }

  /** How often an operation was called so far, the failed calls included. */
  calls(operation: StorageOperation): number {
    return this.#counts.get(operation) ?? 0
  }

  now(): Promise<number> {
    return this.#run('now', () => this.#storage.now())
  }

  schemaVersion(): Promise<number> {
    return this.#run('schemaVersion', () => this.#storage.schemaVersion())
  }

  watch(watcher: StoreWatcher): Promise<StoreWatch | null> {
    return this.#run('watch', async () => (await this.#storage.watch?.(watcher)) ?? null)
  }

  close(): Promise<void> {
    return this.#storage.close()
  }

  #wrap<S extends StoreName>(name: S, store: Storage[S]): Storage[S] {
    return new Proxy(store, {
      get: (target, key) => {
        const method: unknown = Reflect.get(target, key, target)
        if (typeof method !== 'function') {
          return method
        }
        const operation = `${name}.${String(key)}` as StorageOperation
        return (...args: unknown[]) =>
          this.#run(operation, () => (method as AsyncMethod).apply(target, args))
      },
    })
  }

  async #run<T>(operation: StorageOperation, work: () => Promise<T>): Promise<T> {
    this.#counts.set(operation, this.calls(operation) + 1)
    await this.#gates.get(operation)
    if (this.#away) {
      throw new E_STORAGE_UNAVAILABLE([operation, 'the test took it away'])
    }
    const fault = this.#faults.find((each) => each.operation === operation && each.times > 0)
    if (fault) {
      fault.times--
    }
    if (fault?.moment === 'before') {
      throw fault.error
    }
    const answer = await work()
    if (fault) {
      throw fault.error
    }
    return answer
  }
}
