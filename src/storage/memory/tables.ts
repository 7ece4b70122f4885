import type { Clock } from '../../clock.ts'
import { hashKey } from '../../keys.ts'
import { toJson } from '../../json.ts'
import type { ControlRecord } from '../../types/controls.ts'
import type { EventRecord } from '../../types/events.ts'
import type { ExecutionLogEntry, ExecutionRecord } from '../../types/executions.ts'
import type { JournalEntry, NewJournalEntry } from '../../types/journal.ts'
import type { LeaseRecord, NodeRecord, Now, StatsRow } from '../contract.ts'
import { countOutcome, isEnded } from '../rules/outcomes.ts'
import { LinkTable } from './links.ts'
import type { DependencyRecord } from '../../types/workflows.ts'
import type { HeldPlace } from '../rules/places.ts'
import type { RateParts } from '../rules/rate.ts'
import type { ExecutionPatch } from '../rules/settlement.ts'

/** Records leave and enter as copies: a caller cannot change what is stored. */
export function copy<T>(value: T): T {
  return structuredClone(value)
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** A value as it comes back out of a JSON column. */
export function jsonCopy<T>(value: T, field: string): T {
  return JSON.parse(toJson(value, { field })) as T
}

/**
 * The rows of a store in this process, with the unique keys that a database
 * would hold. Every change is synchronous: nothing comes between its steps.
 */
export class MemoryTables {
  readonly #clock: Clock
  readonly events = new Map<string, EventRecord>()
  readonly executions = new Map<string, ExecutionRecord>()
  readonly rolledUp = new Set<string>()
  readonly open = new Set<string>()
  /** Unique keys and the execution that holds each. */
  readonly slots = new Map<string, string>()
  readonly dedupe = new Map<string, string>()
  readonly running = new Map<string, string>()
  /** What each running execution holds of its key. */
  readonly #places = new Map<string, string>()
  readonly logs = new Map<string, ExecutionLogEntry[]>()
  readonly leases = new Map<string, { term: number; held: LeaseRecord | null }>()
  readonly nodes = new Map<string, NodeRecord>()
  readonly stats = new Map<string, StatsRow>()
  /** By `<scope> <name>`. */
  readonly controls = new Map<string, ControlRecord>()
  /** Of handlers with a rate: their claims of late. */
  readonly rates = new Map<string, RateParts>()
  /** By `<child> <parent>`. */
  readonly dependencies = new Map<string, DependencyRecord>()
  readonly links = new LinkTable()
  journal: JournalEntry[] = []
  #journalId = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(now: Now): number {
    return now ?? this.#clock.now()
  }

  get lastJournalId(): number {
    return this.#journalId
  }

  /** Who holds a unique key that this execution needs, if anybody. */
  conflict(execution: ExecutionRecord): string | undefined {
    return (
      (this.executions.has(execution.id) ? execution.id : undefined) ??
      holder(this.dedupe, execution.dedupeKey) ??
      holder(this.slots, execution.slotKey)
    )
  }

  /** Inserts an execution whose keys are free. */
  insert(execution: ExecutionRecord): ExecutionRecord {
    this.executions.set(execution.id, execution)
    if (execution.slotKey !== null) {
      this.slots.set(execution.slotKey, execution.id)
    }
    if (!isEnded(execution.state)) {
      this.open.add(execution.id)
      hold(this.dedupe, execution.dedupeKey, execution.id)
    }
    if (execution.state === 'running') {
      this.#takePlace(execution, execution.concurrencyKey)
    }
    return execution
  }

  /**
   * Changes an execution and the keys that its state holds.
   *
   * @param place what it holds of its key when it comes to run. Default: the first place
   */
  change(
    execution: ExecutionRecord,
    patch: ExecutionPatch,
    place: string | null = execution.concurrencyKey
  ): ExecutionRecord {
    const wasRunning = execution.state === 'running'
    Object.assign(execution, patch)
    if (wasRunning && execution.state !== 'running') {
      this.#leavePlace(execution)
    }
    if (!wasRunning && execution.state === 'running') {
      this.#takePlace(execution, place)
    }
    if (isEnded(execution.state)) {
      this.open.delete(execution.id)
      free(this.dedupe, execution.dedupeKey, execution.id)
    }
    return execution
  }

  remove(execution: ExecutionRecord): void {
    this.#leavePlace(execution)
    free(this.dedupe, execution.dedupeKey, execution.id)
    free(this.slots, execution.slotKey, execution.id)
    this.open.delete(execution.id)
    this.rolledUp.delete(execution.id)
    this.executions.delete(execution.id)
    this.links.delete(execution.id)
    this.logs.delete(execution.id)
  }

  /** Moves the counters of the event whose execution ended. */
  countOutcome(execution: ExecutionRecord): void {
    const event = execution.eventId === null ? undefined : this.events.get(execution.eventId)
    if (event && isEnded(execution.state)) {
      Object.assign(event, countOutcome(event, execution.state, execution.startedAt))
    }
  }

  /** The places of keys that are held. */
  heldPlaces(): HeldPlace[] {
    return [...this.running].map(([runningKey, id]) => ({
      key: this.executions.get(id)!.concurrencyKey!,
      runningKey,
    }))
  }

  #takePlace({ id }: ExecutionRecord, place: string | null): void {
    if (place !== null) {
      this.running.set(place, id)
      this.#places.set(id, place)
    }
  }

  #leavePlace({ id }: ExecutionRecord): void {
    this.running.delete(this.#places.get(id) ?? '')
    this.#places.delete(id)
  }

  addJournal(entries: NewJournalEntry[], now: number): JournalEntry[] {
    const copies = entries.map((entry) => ({
      ...entry,
      before: jsonCopy(entry.before ?? null, 'journal.before'),
      after: jsonCopy(entry.after ?? null, 'journal.after'),
    }))
    const rows = copies.map((entry) => ({ ...entry, id: ++this.#journalId, at: now }))
    this.journal.push(...rows)
    return rows
  }
}

/** Takes the copy that is stored and refuses what a database would refuse. */
export function storable(execution: ExecutionRecord): ExecutionRecord {
  checkKey(execution.dedupeKey, 'dedupeKey')
  checkKey(execution.concurrencyKey, 'concurrencyKey')
  return {
    ...execution,
    payload: jsonCopy(execution.payload, 'payload'),
    meta: jsonCopy(execution.meta, 'meta'),
  }
}

function checkKey(key: string | null, field: string): void {
  if (key !== null) {
    hashKey(key, field)
  }
}

function holder(keys: Map<string, string>, key: string | null): string | undefined {
  return key === null ? undefined : keys.get(key)
}

function hold(keys: Map<string, string>, key: string | null, id: string): void {
  if (key !== null) {
    keys.set(key, id)
  }
}

function free(keys: Map<string, string>, key: string | null, id: string): void {
  if (key !== null && keys.get(key) === id) {
    keys.delete(key)
  }
}
