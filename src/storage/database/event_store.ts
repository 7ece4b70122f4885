import { E_EVENT_NOT_FOUND } from '../../errors.ts'
import type { EventRecord, EventStatus } from '../../types/events.ts'
import type { EventQuery, EventStore, FireResult, SyncResult } from '../contract.ts'
import { checkExpected, updatedEvent } from '../rules/event_update.ts'
import { newEvent } from '../rules/new_records.ts'
import { isForeign } from '../rules/row_hash.ts'
import { Conditions } from './conditions.ts'
import type { StoreConnection } from './connection.ts'
import {
  deleteEvent,
  findEvent,
  insertEvent,
  lockEvent,
  lockRows,
  nameHash,
  patchEvents,
  replaceEvent,
  sourceKeyHash,
  toEvent,
  toForeign,
} from './event_rows.ts'
import { insertDue } from './due_rows.ts'
import { changeDependencies, forgetEvent, oneAtATime } from './dependency_changes.ts'
import { eventListing } from './event_listing.ts'
import { fire } from './fire.ts'
import { appendJournal } from './journal_store.ts'
import { syncSource } from './sync.ts'
import { among, chunks, first, firstNumber, instant, type Work } from './work.ts'

type Params<K extends keyof EventStore> = Parameters<EventStore[K]>[0]

export class DatabaseEventStore implements EventStore {
  readonly #connection: StoreConnection

  constructor(connection: StoreConnection) {
    this.#connection = connection
  }

  insert({ now, event, after = [], journal }: Params<'insert'>): Promise<EventRecord> {
    return this.#connection.write('events.insert', async (work) => {
      const at = await instant(work, now)
      const record = newEvent(event, at)
      await insertEvent(work, record)
      if (after.length > 0) {
        const params = { now, childId: record.id, set: after, remove: [], declared: true }
        await changeDependencies(work, params)
      }
      await appendJournal(work, journal ? [journal] : [], at)
      return stored(work, record.id)
    })
  }

  update(params: Params<'update'>): Promise<EventRecord> {
    return this.#connection.write('events.update', async (work) => {
      const now = await instant(work, params.now)
      const locked = await lockRows(work, [params.id])
      const row = locked.get(params.id)
      if (!row) {
        throw new E_EVENT_NOT_FOUND([params.id])
      }
      const { event: before, found } = row
      checkExpected(before, params, found)
      const accepted = params.accept !== undefined
      const after = updatedEvent(before, params.patch, now, { found, accepted })
      await replaceEvent(work, before, after, params.patch)
      await insertDue(work, before, params, now)
      await appendJournal(work, params.journal ?? [], now)
      return stored(work, params.id)
    })
  }

  delete({ now, id, detach = false, journal }: Params<'delete'>): Promise<EventRecord | null> {
    return this.#connection.write('events.delete', async (work) => {
      await oneAtATime(work)
      const event = await lockEvent(work, id)
      if (event) {
        const at = await instant(work, now)
        await forgetEvent(work, event, detach, at)
        await deleteEvent(work, id)
        await appendJournal(work, journal ? [journal] : [], at)
      }
      return event
    })
  }

  find(id: string): Promise<EventRecord | null> {
    return this.#connection.read('events.find', (work) => findEvent(work, id))
  }

  findBy({ source, name, sourceKey }: Params<'findBy'>): Promise<EventRecord | null> {
    const conditions = new Conditions()
      .add('source = ?', source)
      .add('name_hash = ?', name === undefined ? undefined : nameHash(source, name))
      .add(
        'source_key_hash = ?',
        sourceKey === undefined ? undefined : sourceKeyHash(source, sourceKey)
      )
    return this.#connection.read('events.findBy', async (work) => {
      const sql = `select * from almanac_events ${conditions.sql} order by id limit 1`
      const row = await first(work, sql, conditions.bindings)
      return row && toEvent(row)
    })
  }

  list(query: EventQuery): Promise<EventRecord[]> {
    const { sql, bindings } = eventListing(query, this.#connection.dialect)
    return this.#connection.read('events.list', async (work) => {
      const rows = await work.all(sql, bindings)
      return rows.map(toEvent)
    })
  }

  listForeign({ after, limit }: Params<'listForeign'>): ReturnType<EventStore['listForeign']> {
    const conditions = new Conditions().add('id > ?', after ?? undefined)
    const sql = `select * from almanac_events ${conditions.sql} order by id limit ?`
    return this.#connection.read('events.listForeign', async (work) => {
      const found = await work.all(sql, [...conditions.bindings, limit])
      const rows = found.map(toForeign).filter(isForeign)
      return { rows, next: found.length < limit ? null : (found.at(-1)!.id as string) }
    })
  }

  adopt(rows: Params<'adopt'>): Promise<number> {
    return this.#connection.write('events.adopt', async (work) => {
      const locked = await lockRows(
        work,
        rows.map(({ id }) => id)
      )
      const patches = rows
        .filter(({ id, found }) => {
          const row = locked.get(id)
          return row?.event.rowHash === null && row.found === found
        })
        .map(({ id, found }) => ({ id, patch: { rowHash: found } }))
      await patchEvents(work, patches)
      return patches.length
    })
  }

  countByStatus(): Promise<Record<EventStatus, number>> {
    return this.#connection.read('events.countByStatus', async (work) => {
      const counts = { active: 0, paused: 0, completed: 0, cancelled: 0 }
      const sql = 'select status, count(*) as total from almanac_events group by status'
      for (const row of await work.all(sql)) {
        counts[row.status as EventStatus] = Number(row.total)
      }
      return counts
    })
  }

  listDue({ now, limit }: Params<'listDue'>): ReturnType<EventStore['listDue']> {
    return this.#connection.snapshot('events.listDue', async (work) => {
      const at = await instant(work, now)
      const rows = await work.all(
        `select * from almanac_events
          where status = 'active' and next_run_at <= ? and problem is null and ${NOT_STOPPED}
          order by next_run_at, id limit ?`,
        [at, limit]
      )
      const due = rows.map(toForeign)
      const open = await countOpen(
        work,
        due.map(({ event }) => event.id)
      )
      return {
        now: at,
        events: due.map((row) => ({
          ...row.event,
          openQueued: open.get(`queued ${row.event.id}`) ?? 0,
          openRunning: open.get(`running ${row.event.id}`) ?? 0,
          foreign: isForeign(row) ? row.found : null,
        })),
      }
    })
  }

  peek({ now }: Params<'peek'>): ReturnType<EventStore['peek']> {
    return this.#connection.read('events.peek', async (work) => {
      const clock = now === null ? `(${work.dialect.clockSql})` : String(now)
      const row = await first(
        work,
        `select ${clock} as now_ms, (${earliest(`and ${NOT_STOPPED}`)}) as next_ms`
      )
      const { now_ms: at, next_ms: next } = row!
      return { now: Number(at), next: next === null ? null : Number(next) }
    })
  }

  nextDueAt(params?: { after?: number }): Promise<number | null> {
    const later = params?.after === undefined ? '' : 'and next_run_at > ?'
    const bindings = params?.after === undefined ? [] : [params.after]
    return this.#connection.read('events.nextDueAt', (work) =>
      firstNumber(work, earliest(later), bindings)
    )
  }

  fire(params: Params<'fire'>): Promise<FireResult> {
    return this.#connection.write('events.fire', (work) => fire(work, params))
  }

  syncSource(params: Params<'syncSource'>): Promise<SyncResult> {
    return this.#connection.write('events.syncSource', (work) => syncSource(work, params))
  }
}

/** Not everything is paused: one look by a small table for the whole statement. */
const NOT_STOPPED = `not exists (
  select 1 from almanac_controls where scope = 'all' and paused_at is not null)`

/** The first row of the due index: a minimum over a filter would be sought among all rows. */
function earliest(further: string): string {
  return `select next_run_at from almanac_events
    where status = 'active' and next_run_at is not null and problem is null ${further}
    order by next_run_at limit 1`
}

async function stored(work: Work, id: string): Promise<EventRecord> {
  return (await findEvent(work, id))!
}

/**
 * Open executions of events, by `<state> <event id>`. What a backfill has
 * queued takes no slot's place.
 */
async function countOpen(work: Work, ids: string[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const chunk of chunks(ids)) {
    const list = among(work, chunk)
    const rows = await work.all(
      `select event_id, state, count(*) as total from almanac_executions
        where finished_at is null and event_id ${list.sql}
          and (state <> 'queued' or origin <> 'backfill') group by event_id, state`,
      list.bindings
    )
    for (const row of rows) {
      counts.set(`${row.state} ${row.event_id}`, Number(row.total))
    }
  }
  return counts
}
