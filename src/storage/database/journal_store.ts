import type { JsonValue } from '../../types/json.ts'
import type { JournalEntry, JournalKind, NewJournalEntry } from '../../types/journal.ts'
import type { JournalStore } from '../contract.ts'
import { parseJson, toJson } from '../../json.ts'
import type { StoreConnection } from './connection.ts'
import { chunks, firstNumber, inList, instant, type Row, type Work } from './work.ts'

type Params<K extends keyof JournalStore> = Parameters<JournalStore[K]>[0]

/**
 * Appends within the transaction of what is recorded. Ids come from a counter
 * row, which the transaction keeps locked to its end: ids rise without gaps in
 * the order of the commits, and a reader never passes one that is still to come.
 */
export async function appendJournal(
  work: Work,
  entries: NewJournalEntry[],
  now: number
): Promise<JournalEntry[]> {
  if (entries.length === 0) {
    return []
  }
  await work.run(`update almanac_meta set amount = amount + ? where name = 'journal_id'`, [
    entries.length,
  ])
  const last = await lastJournalId(work)
  const rows = entries.map((entry, index) => ({
    ...entry,
    before: entry.before ?? null,
    after: entry.after ?? null,
    id: last - entries.length + 1 + index,
    at: now,
  }))
  for (const row of rows) {
    await work.run(
      `insert into almanac_journal (id, recorded_at, kind, actor, subject, before_json, after_json)
        values (?, ?, ?, ?, ?, ?, ?)`,
      [
        row.id,
        row.at,
        row.kind,
        row.actor,
        row.subject,
        toJson(row.before, { field: 'journal.before' }),
        toJson(row.after, { field: 'journal.after' }),
      ]
    )
  }
  return rows
}

async function lastJournalId(work: Work): Promise<number> {
  const sql = `select amount from almanac_meta where name = 'journal_id'`
  return (await firstNumber(work, sql))!
}

export class DatabaseJournalStore implements JournalStore {
  readonly #connection: StoreConnection

  constructor(connection: StoreConnection) {
    this.#connection = connection
  }

  append({ now, entries }: Params<'append'>): Promise<JournalEntry[]> {
    return this.#connection.write('journal.append', async (work) =>
      appendJournal(work, entries, await instant(work, now))
    )
  }

  read({ after, limit }: Params<'read'>): Promise<JournalEntry[]> {
    return this.#connection.read('journal.read', async (work) => {
      const rows = await work.all(
        'select * from almanac_journal where id > ? order by id limit ?',
        [after, limit]
      )
      return rows.map(toEntry)
    })
  }

  lastId(): Promise<number> {
    return this.#connection.read('journal.lastId', lastJournalId)
  }

  prune({ now, age, limit }: Params<'prune'>): Promise<number> {
    return this.#connection.write('journal.prune', async (work) => {
      const before = (await instant(work, now)) - age
      const rows = await work.all(
        // Ids rise with time: what is to go is among the first, if anything is
        `select id from (select id, recorded_at from almanac_journal order by id limit ?) oldest
          where recorded_at < ? order by id`,
        [limit, before]
      )
      for (const chunk of chunks(rows.map(({ id }) => Number(id)))) {
        const list = inList(chunk)
        await work.run(`delete from almanac_journal where id in ${list.sql}`, list.bindings)
      }
      return rows.length
    })
  }
}

function toEntry(row: Row): JournalEntry {
  return {
    id: Number(row.id),
    at: Number(row.recorded_at),
    kind: row.kind as JournalKind,
    actor: row.actor as string,
    subject: row.subject as string,
    before: parseJson<JsonValue>(row.before_json as string),
    after: parseJson<JsonValue>(row.after_json as string),
  }
}
