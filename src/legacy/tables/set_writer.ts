import type { LegacySession } from '../connection.ts'
import type { TableDialect } from './dialect.ts'
import type { TableLayout } from './layout.ts'
import type { Row, SetUpdate, Statement } from './row_sets.ts'
import { toNumber } from './values.ts'

type Query = ReturnType<LegacySession['client']['from']>

/** Writes of many rows at once, and the locks that go before them. */
export class SetWriter {
  readonly #dialect: Pick<TableDialect, 'rowSets' | 'locksRows'>

  constructor(dialect: Pick<TableDialect, 'rowSets' | 'locksRows'>) {
    this.#dialect = dialect
  }

  /**
   * What a select finds stays as it is until the transaction ends. Rows that
   * another transaction has locked are passed over: nobody waits for them.
   */
  locked(query: Query): Query {
    return this.#dialect.locksRows ? query.forUpdate().skipLocked() : query
  }

  /**
   * Which of the rows with these ids there are, `locked` as above.
   *
   * @param where values that they must have
   */
  async lockIds<Key extends string>(
    session: LegacySession,
    table: TableLayout<Key>,
    { key, ids, where = {} }: { key: Key; ids: number[]; where?: Row }
  ): Promise<Set<number>> {
    const rows: Record<string, unknown>[] = await session.run(() =>
      this.locked(
        session.client
          .from(table.name)
          .select(table.select([key]))
          .whereIn(table.column(key), ids)
          .where(where)
      )
    )
    return new Set(rows.map((row) => Number(row[key])))
  }

  /** Rows may differ in their columns. */
  async insert(session: LegacySession, table: string, rows: Row[]): Promise<void> {
    for (const alike of byColumns(rows)) {
      await this.#run(session, this.#dialect.rowSets.insert(table, alike))
    }
  }

  /** Those of which the table has no row with their value of the column `key`. */
  async insertMissing(
    session: LegacySession,
    table: string,
    key: string,
    rows: Row[]
  ): Promise<void> {
    for (const alike of byColumns(rows)) {
      await this.#run(session, this.#dialect.rowSets.insertMissing(table, key, alike))
    }
  }

  /**
   * Rows may differ in their columns; one with nothing but its key is left out.
   *
   * @returns how many rows were changed
   */
  async update(session: LegacySession, table: string, change: SetUpdate): Promise<number> {
    const changed = change.rows.filter((row) => Object.keys(row).length > 1)
    let count = 0
    for (const rows of byColumns(changed)) {
      count += await this.#run(session, this.#dialect.rowSets.update(table, { ...change, rows }))
    }
    return count
  }

  async #run(session: LegacySession, statements: Statement[]): Promise<number> {
    let count = 0
    for (const { sql, bindings } of statements) {
      const { affected } = await session.run(() => session.sql.query(sql, bindings))
      count += toNumber(affected) ?? 0
    }
    return count
  }
}

function byColumns(rows: Row[]): Row[][] {
  const shapes = new Map<string, Row[]>()
  for (const row of rows) {
    const shape = Object.keys(row).join()
    const alike = shapes.get(shape)
    if (alike) {
      alike.push(row)
    } else {
      shapes.set(shape, [row])
    }
  }
  return [...shapes.values()]
}
