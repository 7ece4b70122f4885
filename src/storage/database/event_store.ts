import { E_EVENT_NOT_FOUND } from '../../errors.ts'
import type { EventFilter, EventRecord, EventStatus } from '../../types/events.ts'
import type { EventStore, FireResult, SyncResult } from '../contract.ts'
import { checkExpected, updatedEvent } from '../rules/event_update.ts'
import { newEvent } from '../rules/new_records.ts'
import { Conditions } from './conditions.ts'
import type { StoreConnection } from './connection.ts'
import {
  findEvent,
  insertDue,
  insertEvent,
  lockEvent,
  nameHash,
  replaceEvent,
  sourceKeyHash,
  toEvent,
} from './event_rows.ts'
import { fire } from './fire.ts'
import { appendJournal } from './journal_store.ts'
import { syncSource } from './sync.ts'
import { chunks, first, firstNumber, inList, instant, type Work } from './work.ts'

type Params<K extends keyof EventStore> = Parameters<EventStore[K]>[0]

export class DatabaseEventStore implements EventStore {
  readonly #connection: StoreConnection

  constructor(connection: StoreConnection) {
    this.#connection = connection
  }

  insert({ now, event, journal }: Params<'insert'>): Promise<EventRecord> {
    return this.#connection.write('events.insert', async (work) => {
      const at = await instant(work, now)
      const record = newEvent(event, at)
      await insertEvent(work, record)
      await appendJournal(work, journal ? [journal] : [], at)
      return stored(work, record.id)
    })
  }

  update(params: Params<'update'>): Promise<EventRecord> {
    return this.#connection.write('events.update', async (work) => {
      const now = await instant(work, params.now)
      const before = await lockEvent(work, params.id)
      if (!before) {
        throw new E_EVENT_NOT_FOUND([params.id])
      }
      checkExpected(before, params)
      await replaceEvent(work, before, updatedEvent(before, params.patch, now))
      await insertDue(work, before, params, now)
      await appendJournal(work, params.journal ?? [], now)
      return stored(work, params.id)
    })
  }

  delete({ now, id, journal }: Params<'delete'>): Promise<EventRecord | null> {
    return this.#connection.write('events.delete', async (work) => {
      const event = await lockEvent(work, id)
      if (event) {
        await work.run('delete from almanac_events where id = ?', [id])
        await appendJournal(work, journal ? [journal] : [], await instant(work, now))
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

  list(filter: EventFilter): Promise<EventRecord[]> {
    const text =
      filter.text === undefined ? undefined : this.#connection.dialect.contains('name', filter.text)
    const conditions = new Conditions()
      .add('status = ?', filter.status)
      .add('source = ?', filter.source)
      .add('handler = ?', filter.handler)
      .add(text?.sql ?? '', text?.binding)
      .add('name > ?', filter.after)
    const limit = filter.limit === undefined ? '' : 'limit ?'
    return this.#connection.read('events.list', async (work) => {
      const rows = await work.all(
        `select * from almanac_events ${conditions.sql} order by name, id ${limit}`,
        [...conditions.bindings, ...(filter.limit === undefined ? [] : [filter.limit])]
      )
      return rows.map(toEvent)
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
        `select * from almanac_events where status = 'active' and next_run_at <= ?
          order by next_run_at, id limit ?`,
        [at, limit]
      )
      const events = rows.map(toEvent)
      const open = await countOpen(
        work,
        events.map(({ id }) => id)
      )
      return {
        now: at,
        events: events.map((event) => ({
          ...event,
          openQueued: open.get(`queued ${event.id}`) ?? 0,
          openRunning: open.get(`running ${event.id}`) ?? 0,
        })),
      }
    })
  }

  nextDueAt(params?: { after?: number }): Promise<number | null> {
    const conditions = new Conditions()
      .add(`status = ?`, 'active')
      .add('next_run_at > ?', params?.after)
    return this.#connection.read('events.nextDueAt', (work) =>
      firstNumber(
        work,
        `select min(next_run_at) from almanac_events ${conditions.sql}`,
        conditions.bindings
      )
    )
  }

  fire(params: Params<'fire'>): Promise<FireResult> {
    return this.#connection.write('events.fire', (work) => fire(work, params))
  }

  syncSource(params: Params<'syncSource'>): Promise<SyncResult> {
    return this.#connection.write('events.syncSource', (work) => syncSource(work, params))
  }
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
    const list = inList(chunk)
    const rows = await work.all(
      `select event_id, state, count(*) as total from almanac_executions
        where finished_at is null and event_id in ${list.sql}
          and (state <> 'queued' or origin <> 'backfill') group by event_id, state`,
      list.bindings
    )
    for (const row of rows) {
      counts.set(`${row.state} ${row.event_id}`, Number(row.total))
    }
  }
  return counts
}
