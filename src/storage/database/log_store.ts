import { parseJson, toJson } from '../../json.ts'
import type { ExecutionLogEntry } from '../../types/executions.ts'
import type { JsonObject } from '../../types/json.ts'
import type { LogStore } from '../contract.ts'
import { Conditions } from './conditions.ts'
import type { StoreConnection } from './connection.ts'
import { lockRunning } from './execution_rows.ts'
import { TableWriter } from './table_writer.ts'
import { chunks, firstNumber, inList, type Row, type Work } from './work.ts'

type Params<K extends keyof LogStore> = Parameters<LogStore[K]>[0]

export class DatabaseLogStore implements LogStore {
  readonly #connection: StoreConnection

  constructor(connection: StoreConnection) {
    this.#connection = connection
  }

  async append({ node, entries }: Params<'append'>): Promise<number> {
    if (entries.length === 0) {
      return 0
    }
    return this.#connection.write('logs.append', async (work) => {
      const running = await lockRunning(
        work,
        entries.map(({ executionId }) => executionId)
      )
      const owned = entries.filter(({ executionId, attempt }) => {
        const execution = running.get(executionId)
        return execution?.node === node && execution.attempt === attempt
      })
      return insertEntries(work, owned)
    })
  }

  read({ executionId, after, levels, limit }: Params<'read'>): Promise<ExecutionLogEntry[]> {
    const { attempt, seq } = after ?? { attempt: -1, seq: -1 }
    const conditions = new Conditions()
      .add('execution_id = ?', executionId)
      .addAll('(attempt > ? or (attempt = ? and seq > ?))', [attempt, attempt, seq])
      .addList('log_level', levels)
    return this.#connection.read('logs.read', async (work) => {
      const rows = await work.all(
        `select * from almanac_execution_logs ${conditions.sql}
          order by attempt, seq ${limit === undefined ? '' : 'limit ?'}`,
        [...conditions.bindings, ...(limit === undefined ? [] : [limit])]
      )
      return rows.map(toEntry)
    })
  }
}

const writer = new TableWriter('almanac_execution_logs', (name) =>
  ['attempt', 'seq', 'logged_at'].includes(name) ? 'integer' : 'text'
)

/** @returns how many were not there already: a batch may be sent twice */
async function insertEntries(work: Work, entries: ExecutionLogEntry[]): Promise<number> {
  const before = await countEntries(work, entries)
  await writer.insertMissing(work, entries.map(toRow), (insert) =>
    work.dialect.insertOrSkip(insert, 'execution_id')
  )
  return (await countEntries(work, entries)) - before
}

/** Entries that are stored of the executions of these. */
async function countEntries(work: Work, entries: ExecutionLogEntry[]): Promise<number> {
  let count = 0
  for (const chunk of chunks([...new Set(entries.map(({ executionId }) => executionId))])) {
    const list = inList(chunk)
    const sql = `select count(*) from almanac_execution_logs where execution_id in ${list.sql}`
    count += (await firstNumber(work, sql, list.bindings))!
  }
  return count
}

function toRow({ executionId, attempt, seq, at, level, message, data }: ExecutionLogEntry) {
  return {
    execution_id: executionId,
    attempt,
    seq,
    logged_at: at,
    log_level: level,
    message,
    data: data === null ? null : toJson(data, { field: 'data' }),
  }
}

function toEntry(row: Row): ExecutionLogEntry {
  return {
    executionId: row.execution_id as string,
    attempt: Number(row.attempt),
    seq: Number(row.seq),
    at: Number(row.logged_at),
    level: row.log_level as ExecutionLogEntry['level'],
    message: row.message as string,
    data: parseJson<JsonObject>(row.data as string | null),
  }
}
