import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { POSTGRES } from './contender.ts'
import { cpuOfProcesses, type ServerCpu } from './cpu.ts'

/** A database for one measurement. */
export interface Database {
  url: string
  query<T extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<T[]>
  count(sql: string): Promise<number>
  /** Of the connections to this database. */
  cpu: ServerCpu
  drop(): Promise<void>
}

export async function createDatabase(): Promise<Database> {
  const name = `almanac_bench_${randomBytes(6).toString('hex')}`
  await administer(`create database ${name}`)
  const url = Object.assign(new URL(POSTGRES), { pathname: `/${name}` }).href
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => {})
  const query = async <T extends pg.QueryResultRow>(sql: string, values: unknown[] = []) => {
    const { rows } = await pool.query<T>(sql, values)
    return rows
  }
  return {
    url,
    query,
    async count(sql) {
      const [row] = await query<{ count: string }>(sql)
      return Number(row.count)
    },
    cpu: cpuOfProcesses(async () => {
      const rows = await query<{ pid: number }>(
        'select pid from pg_stat_activity where datname = current_database()'
      )
      return rows.map(({ pid }) => pid)
    }, 'postgres'),
    async drop() {
      await pool.end()
      await administer(`drop database ${name} with (force)`)
    },
  }
}

async function administer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: POSTGRES })
  await client.connect()
  await client.query(sql)
  await client.end()
}
