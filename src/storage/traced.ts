import { storageChannel } from '../telemetry/channels.ts'
import type {
  ControlStore,
  EventStore,
  ExecutionStore,
  JournalStore,
  LeaseStore,
  LogStore,
  NodeStore,
  StatsStore,
  Storage,
  StoreWatch,
  StoreWatcher,
  WorkflowStore,
} from './contract.ts'

type Method = (...args: unknown[]) => Promise<unknown>

/**
 * A store whose every call is a span on the channel `almanac.storage`: written
 * once, here, for all implementations.
 */
export class TracedStorage implements Storage {
  readonly #storage: Storage
  readonly events: EventStore
  readonly executions: ExecutionStore
  readonly leases: LeaseStore
  readonly nodes: NodeStore
  readonly stats: StatsStore
  readonly logs: LogStore
  readonly journal: JournalStore
  readonly controls: ControlStore
  readonly workflows: WorkflowStore

  constructor(storage: Storage) {
    this.#storage = storage
    this.events = traced('events', storage.events)
    this.executions = traced('executions', storage.executions)
    this.leases = traced('leases', storage.leases)
    this.nodes = traced('nodes', storage.nodes)
    this.stats = traced('stats', storage.stats)
    this.logs = traced('logs', storage.logs)
    this.journal = traced('journal', storage.journal)
    this.controls = traced('controls', storage.controls)
    this.workflows = traced('workflows', storage.workflows)
  }

  now(): Promise<number> {
    return span('now', () => this.#storage.now())
  }

  schemaVersion(): Promise<number> {
    return span('schemaVersion', () => this.#storage.schemaVersion())
  }

  async watch(watcher: StoreWatcher): Promise<StoreWatch | null> {
    return span('watch', async () => (await this.#storage.watch?.(watcher)) ?? null)
  }

  close(): Promise<void> {
    return span('close', () => this.#storage.close())
  }
}

function span<T>(operation: string, call: () => Promise<T>): Promise<T> {
  return storageChannel.tracePromise(call, { operation })
}

/** The store with each of its methods in a span. */
function traced<Store extends object>(name: string, store: Store): Store {
  const methods = new Map<string, Method>()
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function' || typeof property !== 'string') {
        return value
      }
      let method = methods.get(property)
      if (!method) {
        method = (...args) =>
          span(`${name}.${property}`, () => Reflect.apply(value as Method, target, args))
        methods.set(property, method)
      }
      return method
    },
  })
}
