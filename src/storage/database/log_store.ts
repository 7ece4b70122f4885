import { parseJson, toJson } from '../../json.ts'
import type { ExecutionLogEntry } from '../../types/executions.ts'
import type { JsonObject } from '../../types/json.ts'
import type { LogStore } from '../contract.ts'
import type { StoreConnection } from './connection.ts'
import { FENCE } from './execution_rows.ts'
import { first, type Row, type Work } from './work.ts'

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
      const owners = new Map<string, boolean>()
      let stored = 0
      for (const entry of entries) {
        const attempt = `${entry.executionId} ${entry.attempt}`
        const owns = owners.get(attempt) ?? (await ownsExecution(work, node, entry))
        owners.set(attempt, owns)
        stored += owns ? await insertEntry(work, entry) : 0
      }
      return stored
    })
  }

  read({ executionId, after, limit }: Params<'read'>): Promise<ExecutionLogEntry[]> {
    const { attempt, seq } = after ?? { attempt: -1, seq: -1 }
    return this.#connection.read('logs.read', async (work) => {
      const rows = await work.all(
        `select * from almanac_execution_logs
          where execution_id = ? and (attempt > ? or (attempt = ? and seq > ?))
          order by attempt, seq ${limit === undefined ? '' : 'limit ?'}`,
        [executionId, attempt, attempt, seq, ...(limit === undefined ? [] : [limit])]
      )
      return rows.map(toEntry)
    })
  }
}

async function ownsExecution(
  work: Work,
  node: string,
  { executionId, attempt }: ExecutionLogEntry
): Promise<boolean> {
  const sql = `select id from almanac_executions where ${FENCE}`
  return (await first(work, sql, [executionId, node, attempt])) !== null
}

/** @returns 0 when the entry is there already, because its batch was sent twice */
function insertEntry(work: Work, entry: ExecutionLogEntry): Promise<number> {
  const { executionId, attempt, seq, at, level, message, data } = entry
  return work.run(
    work.dialect.insertOrSkip(
      `insert into almanac_execution_logs
        (execution_id, attempt, seq, logged_at, log_level, message, data)
        values (?, ?, ?, ?, ?, ?, ?)`
    ),
    [
      executionId,
      attempt,
      seq,
      at,
      level,
      message,
      data === null ? null : toJson(data, { field: 'data' }),
    ]
  )
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
