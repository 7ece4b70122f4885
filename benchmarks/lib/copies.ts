import type { Database } from './postgres.ts'

/**
 * Copies one row of a table many times.
 *
 * @param where the row, as SQL
 * @param changed columns that differ, as SQL in which `n` counts from 1 and `source` is the row
 */
export async function copyRow(
  database: Database,
  options: { table: string; where: string; changed: Record<string, string>; count: number }
): Promise<void> {
  const { table, where, changed, count } = options
  const columns = await database.query<{ name: string }>(
    `select column_name as name from information_schema.columns
     where table_schema = 'public' and table_name = $1 order by ordinal_position`,
    [table]
  )
  const names = columns.map(({ name }) => name)
  const values = names.map((name) => changed[name] ?? `source.${name}`)
  await database.query(
    `insert into ${table} (${names.join(', ')})
     select ${values.join(', ')}
     from (select * from ${table} where ${where} limit 1) source, generate_series(1, ${count}) n`
  )
  await database.query(`vacuum analyze ${table}`)
  // Else the drain would pay for writing out what was just loaded
  await database.query('checkpoint')
}

/** A finished execution for each of `count`, like one that is there. */
export function copyFinished(database: Database, count: number): Promise<void> {
  return copyRow(database, {
    table: 'almanac_executions',
    where: `state = 'succeeded'`,
    changed: {
      id: `md5('finished' || n)`,
      finished_at: 'source.finished_at - n',
      rolled_up: '1',
    },
    count,
  })
}
