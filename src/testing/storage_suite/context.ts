import type {
  Firing,
  NewEvent,
  NewExecution,
  Settlement,
  SourceDefinition,
  Storage,
} from '../../storage/contract.ts'
import type { EventRecord } from '../../types/events.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { NewJournalEntry } from '../../types/journal.ts'
import { slotKey } from '../../keys.ts'

export const NODE = 'alpha.00000001'
export const OTHER_NODE = 'beta.00000002'
export const LEASE = 30_000
export const SECOND = 1_000
export const MINUTE = 60_000
export const DAY = 86_400_000

/** 2027-01-15T08:00:00Z, a whole day and a whole minute. */
export const START = Date.UTC(2027, 0, 15, 8)

/** The columns that the suite changes by plain SQL. */
export type Tampering = Partial<
  Pick<EventRecord, 'priority' | 'status' | 'trigger' | 'nextRunAt' | 'rowHash'>
>

export interface StorageUnderTest {
  storage: Storage
  /** Opens the same store once more, as another process would. */
  another?: () => Promise<Storage>
  /** Changes columns of a stored event as plain SQL would, behind the store's back. */
  tamper: (id: string, columns: Tampering) => Promise<void>
  cleanup: () => Promise<void>
}

export interface StorageCase {
  title: string
  run: (context: SuiteContext) => Promise<void>
}

/** Declares the cases of one topic. */
export function cases(list: Record<string, (context: SuiteContext) => Promise<void>>) {
  return Object.entries(list).map(([title, run]): StorageCase => ({ title, run }))
}

type Claim = Partial<Parameters<Storage['executions']['claim']>[0]>
type Asked = Partial<Parameters<Storage['executions']['nextAvailableAt']>[0]>

/**
 * What a case works with: a fresh store, its own time, and records that need
 * to name only what the case is about.
 */
export class SuiteContext {
  readonly storage: Storage
  readonly #another: () => Promise<Storage>
  readonly tamper: StorageUnderTest['tamper']
  #now = START
  #count = 0

  constructor(made: Omit<StorageUnderTest, 'tamper'> & Partial<StorageUnderTest>) {
    const { storage, another, tamper = noTampering } = made
    this.storage = storage
    this.tamper = tamper
    this.#another = another ?? (async () => storage)
  }

  /** The instant that is passed to the store. */
  get now(): number {
    return this.#now
  }

  pass(ms: number): void {
    this.#now += ms
  }

  another(): Promise<Storage> {
    return this.#another()
  }

  /** Ids that sort in the order in which they were made. */
  id(prefix = 'id'): string {
    this.#count++
    return `${prefix}-${String(this.#count).padStart(6, '0')}`
  }

  event(columns: Partial<NewEvent> = {}): NewEvent {
    const id = columns.id ?? this.id('event')
    return {
      id,
      name: `name of ${id}`,
      source: 'api',
      sourceKey: `key of ${id}`,
      sourceHash: null,
      handler: 'noop',
      payload: { greeting: 'hello' },
      trigger: { kind: 'interval', every: MINUTE },
      status: 'active',
      statusBy: 'user',
      queue: null,
      priority: null,
      misfire: { policy: 'once', grace: 60_000, cap: 10 },
      overlap: 'wait',
      onResume: 'skip',
      concurrencyKey: null,
      timeout: null,
      retries: null,
      maxRuns: null,
      nextRunAt: START,
      pausedAt: null,
      ...columns,
    }
  }

  definition(key: string, columns: Partial<SourceDefinition> = {}): SourceDefinition {
    const event = this.event({ source: 'code', sourceKey: key, name: key })
    return { ...event, statusBy: 'source', sourceHash: 'hash 1', ...columns }
  }

  insertEvent(columns: Partial<NewEvent> = {}): Promise<EventRecord> {
    return this.storage.events.insert({ now: this.now, event: this.event(columns) })
  }

  execution(columns: Partial<NewExecution> = {}): NewExecution {
    return {
      id: columns.id ?? this.id('execution'),
      eventId: null,
      handler: 'noop',
      queue: 'default',
      origin: 'enqueue',
      payload: null,
      priority: 5,
      slot: null,
      slotKey: null,
      rerunOf: null,
      dedupeKey: null,
      concurrencyKey: null,
      availableAt: null,
      timeout: null,
      retries: null,
      ...columns,
    }
  }

  /** The execution of a slot of an event. */
  slotExecution(event: EventRecord, slot: number): NewExecution {
    return this.execution({
      eventId: event.id,
      origin: 'schedule',
      slot,
      slotKey: slotKey(event.id, slot),
    })
  }

  /** Fires the event's next slot and moves on by a minute, unless told otherwise. */
  firing(event: EventRecord, changes: Partial<Firing> = {}): Firing {
    const slot = event.nextRunAt!
    return {
      eventId: event.id,
      expectedNextRunAt: slot,
      nextRunAt: slot + MINUTE,
      executions: [this.slotExecution(event, slot)],
      missed: [],
      extendsOpenMissed: false,
      leavesMissedOpen: false,
      lastSlot: slot,
      ...changes,
    }
  }

  /** @returns the ids */
  async enqueue(...list: Partial<NewExecution>[]): Promise<string[]> {
    const executions = list.map((columns) => this.execution(columns))
    const results = await this.storage.executions.enqueue({ now: this.now, executions })
    return results.map(({ id }) => id)
  }

  claim(params: Claim = {}): Promise<ExecutionRecord[]> {
    return this.storage.executions.claim({
      now: this.now,
      limit: 10,
      handlers: ['noop'],
      node: NODE,
      lease: LEASE,
      ...params,
    })
  }

  /** When something that waits may begin. */
  async next(params: Asked = {}): Promise<number | undefined> {
    const asked = { now: this.now, elapsed: 0, handlers: ['noop'], node: NODE, ...params }
    return field(this.storage.executions.nextAvailableAt(asked), 'next')
  }

  /** An execution that is running. */
  async running(columns: Partial<NewExecution> = {}): Promise<ExecutionRecord> {
    const execution = this.execution(columns)
    const [birth] = await this.storage.executions.insertRunning({
      now: this.now,
      executions: [execution],
      node: NODE,
      lease: LEASE,
    })
    if (!birth.inserted) {
      throw new Error(`Execution ${execution.id} was not born: ${birth.conflict}`)
    }
    return birth.execution
  }

  settlement(execution: ExecutionRecord, columns: Partial<Settlement> = {}): Settlement {
    return {
      id: execution.id,
      node: execution.node!,
      attempt: execution.attempt,
      to: 'succeeded',
      startedAt: this.now,
      ...columns,
    }
  }

  /** Ends one attempt. @returns whether it was applied */
  async settle(execution: ExecutionRecord, columns: Partial<Settlement> = {}): Promise<boolean> {
    const settlements = [this.settlement(execution, columns)]
    const [result] = await this.storage.executions.settle({ now: this.now, settlements })
    return result.applied
  }

  /** An execution that ended. */
  async ended(
    columns: Partial<NewExecution> = {},
    settlement: Partial<Settlement> = {}
  ): Promise<string> {
    const execution = await this.running(columns)
    await this.settle(execution, settlement)
    return execution.id
  }

  async find(id: string): Promise<ExecutionRecord> {
    const execution = await this.storage.executions.find(id)
    if (!execution) {
      throw new Error(`There is no execution ${id}`)
    }
    return execution
  }

  async findEvent(id: string): Promise<EventRecord> {
    const event = await this.storage.events.find(id)
    if (!event) {
      throw new Error(`There is no event ${id}`)
    }
    return event
  }

  entry(columns: Partial<NewJournalEntry> = {}): NewJournalEntry {
    return { kind: 'event.created', actor: 'anna', subject: 'subject', ...columns }
  }
}

async function noTampering(): Promise<void> {
  throw new Error('The store under test was made without a way to tamper with it')
}

/** One field of what a promise brings. */
export async function field<Value extends object, Key extends keyof Value>(
  promise: Promise<Value | null>,
  key: Key
): Promise<Value[Key] | undefined> {
  const value = await promise
  return value?.[key]
}

/** What a promise brings, item by item. */
export async function mapped<Item, Result>(
  promise: Promise<Item[]>,
  callback: (item: Item) => Result
): Promise<Result[]> {
  const items = await promise
  return items.map(callback)
}
