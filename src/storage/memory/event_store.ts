import { E_EVENT_NOT_FOUND } from '../../errors.ts'
import type { EventRecord, EventStatus } from '../../types/events.ts'
import type { EventQuery, EventStore, FireResult, SyncResult } from '../contract.ts'
import { entriesToKeep } from '../rules/firing.ts'
import { checkExpected, updatedEvent } from '../rules/event_update.ts'
import { newEvent } from '../rules/new_records.ts'
import { isForeign, rowHash } from '../rules/row_hash.ts'
import { checkName, checkStorable, insertDue, insertEvent, replaceEvent } from './event_rows.ts'
import { listEvents } from './event_listing.ts'
import { fireOne } from './fire.ts'
import { syncSource } from './sync.ts'
import { changeDependencies, forgetEvent, requireEvents } from './dependencies.ts'
import { compare, copy, type MemoryTables } from './tables.ts'

type Params<K extends keyof EventStore> = Parameters<EventStore[K]>[0]

export class MemoryEventStore implements EventStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async insert(params: Params<'insert'>): Promise<EventRecord> {
    const { now, event, after = [], journal } = params
    const at = this.#tables.now(now)
    requireEvents(
      this.#tables,
      after.map(({ parentId }) => parentId)
    )
    const record = insertEvent(this.#tables, newEvent(event, at))
    if (after.length > 0) {
      const change = { now, childId: record.id, set: after, remove: [], declared: true }
      changeDependencies(this.#tables, change)
    }
    this.#tables.addJournal(journal ? [journal] : [], at)
    return copy(record)
  }

  async update(params: Params<'update'>): Promise<EventRecord> {
    const { id } = params
    const now = this.#tables.now(params.now)
    const event = this.#tables.events.get(id)
    if (!event) {
      throw new E_EVENT_NOT_FOUND([id])
    }
    const found = rowHash(event)
    checkExpected(event, params, found)
    checkStorable(params.executions)
    const before = copy(event)
    const next = updatedEvent(event, params.patch, now, {
      found,
      accepted: params.accept !== undefined,
    })
    if ('name' in params.patch) {
      checkName(this.#tables, next)
    }
    replaceEvent(this.#tables, next)
    insertDue(this.#tables, before, params.executions ?? [], params.missed ?? [], now)
    this.#tables.addJournal(params.journal ?? [], now)
    return copy(this.#tables.events.get(id)!)
  }

  async delete(params: Params<'delete'>): Promise<EventRecord | null> {
    const { now, id, detach = false, journal } = params
    const event = this.#tables.events.get(id)
    if (!event) {
      return null
    }
    forgetEvent(this.#tables, event, detach, this.#tables.now(now))
    this.#tables.events.delete(id)
    this.#tables.addJournal(journal ? [journal] : [], this.#tables.now(now))
    return copy(event)
  }

  async find(id: string): Promise<EventRecord | null> {
    return copy(this.#tables.events.get(id) ?? null)
  }

  async findBy({ source, name, sourceKey }: Params<'findBy'>): Promise<EventRecord | null> {
    const found = [...this.#tables.events.values()].find(
      (event) =>
        event.source === source &&
        (name === undefined || event.name === name) &&
        (sourceKey === undefined || event.sourceKey === sourceKey)
    )
    return copy(found ?? null)
  }

  async list(query: EventQuery): Promise<EventRecord[]> {
    return copy(listEvents(this.#tables.events.values(), query))
  }

  async listForeign(params: Params<'listForeign'>): ReturnType<EventStore['listForeign']> {
    const { after, limit } = params
    const page = [...this.#tables.events.values()]
      .filter(({ id }) => after === null || id > after)
      .sort((a, b) => compare(a.id, b.id))
      .slice(0, limit)
    const rows = page.map((event) => ({ event: copy(event), found: rowHash(event) }))
    return {
      rows: rows.filter(isForeign),
      next: page.length < limit ? null : page.at(-1)!.id,
    }
  }

  async adopt(rows: Params<'adopt'>): Promise<number> {
    let adopted = 0
    for (const { id, found } of rows) {
      const event = this.#tables.events.get(id)
      if (event?.rowHash === null && rowHash(event) === found) {
        event.rowHash = found
        adopted++
      }
    }
    return adopted
  }

  async countByStatus(): Promise<Record<EventStatus, number>> {
    const counts = { active: 0, paused: 0, completed: 0, cancelled: 0 }
    for (const event of this.#tables.events.values()) {
      counts[event.status]++
    }
    return counts
  }

  async listDue({ now, limit }: Params<'listDue'>): ReturnType<EventStore['listDue']> {
    const at = this.#tables.now(now)
    const due = (this.#stopped() ? [] : [...this.#tables.events.values()])
      .filter(
        ({ status, nextRunAt, problem }) =>
          status === 'active' && problem === null && nextRunAt !== null && nextRunAt <= at
      )
      .sort((a, b) => a.nextRunAt! - b.nextRunAt! || compare(a.id, b.id))
      .slice(0, limit)
    const open = this.#countOpen()
    return {
      now: at,
      events: due.map((event) => ({
        ...copy(event),
        openQueued: open.get(`queued ${event.id}`) ?? 0,
        openRunning: open.get(`running ${event.id}`) ?? 0,
        foreign: event.rowHash === rowHash(event) ? null : rowHash(event),
      })),
    }
  }

  async peek({ now }: Params<'peek'>): ReturnType<EventStore['peek']> {
    return { now: this.#tables.now(now), next: this.#stopped() ? null : await this.nextDueAt() }
  }

  /** Everything is paused. */
  #stopped(): boolean {
    return (this.#tables.controls.get('all *')?.pausedAt ?? null) !== null
  }

  async nextDueAt(params?: { after?: number }): Promise<number | null> {
    const after = params?.after ?? Number.NEGATIVE_INFINITY
    let next: number | null = null
    for (const { status, nextRunAt, problem } of this.#tables.events.values()) {
      const active = status === 'active' && problem === null
      const counts = active && nextRunAt !== null && nextRunAt > after
      if (counts && (next === null || nextRunAt < next)) {
        next = nextRunAt
      }
    }
    return next
  }

  async fire({ now, firings, journal }: Params<'fire'>): Promise<FireResult> {
    const at = this.#tables.now(now)
    firings.forEach(({ executions }) => checkStorable(executions))
    const result: FireResult = { fired: [], missed: [], stale: [], completed: [] }
    for (const firing of firings) {
      fireOne(this.#tables, firing, at, result)
    }
    this.#tables.addJournal(entriesToKeep(journal, result.stale), at)
    return copy(result)
  }

  async syncSource(params: Params<'syncSource'>): Promise<SyncResult> {
    return copy(syncSource(this.#tables, params))
  }

  #countOpen(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const id of this.#tables.open) {
      const { state, eventId, origin } = this.#tables.executions.get(id)!
      const key = `${state} ${eventId}`
      // What a backfill has queued takes no slot's place
      const counted = state !== 'queued' || origin !== 'backfill'
      counts.set(key, (counts.get(key) ?? 0) + (counted ? 1 : 0))
    }
    return counts
  }
}
