import type { Kind } from './row_mapper.ts'
import type { Columns, Statement } from './row_sets.ts'
import { inList, type Work } from './work.ts'

/** A change of one row. */
export interface RowChange {
  id: string
  columns: Columns
}

/**
 * Writes rows of a table whose primary key is `id`: many in one statement
 * where that is what the database does well, else one by one.
 */
export class TableWriter {
  readonly #table: string
  readonly #kindOf: (column: string) => Kind

  constructor(table: string, kindOf: (column: string) => Kind) {
    this.#table = table
    this.#kindOf = kindOf
  }

  /** Inserts one row. */
  insertStatement(row: Columns): Statement {
    const names = Object.keys(row)
    const marks = names.map(() => '?').join(', ')
    return {
      sql: `insert into ${this.#table} (${names.join(', ')}) values (${marks})`,
      bindings: Object.values(row),
    }
  }

  /**
   * Inserts rows of the same columns, except those of which a unique key is taken.
   *
   * @returns the ids of those that went in
   */
  async insertNew(work: Work, rows: Columns[]): Promise<Set<string>> {
    const inserted = new Set<string>()
    if (!work.dialect.rowSets) {
      for (const row of rows) {
        const { sql, bindings } = this.insertStatement(row)
        if ((await work.run(work.dialect.insertOrSkip(sql), bindings)) > 0) {
          inserted.add(row.id as string)
        }
      }
      return inserted
    }
    for (const chunk of statementsFor(rows, (row) => row)) {
      const went = await this.#insertSet(work, chunk)
      went.forEach((id) => inserted.add(id))
    }
    return inserted
  }

  /** Inserts rows of the same columns, whose keys are known to be free. */
  async insertAll(work: Work, rows: Columns[]): Promise<void> {
    await this.insertMissing(work, rows, (insert) => insert)
  }

  /**
   * Inserts rows of the same columns with what `skip` makes of the insert.
   *
   * @returns how many rows the database counts
   */
  async insertMissing(
    work: Work,
    rows: Columns[],
    skip: (insert: string) => string
  ): Promise<number> {
    let count = 0
    for (const chunk of statementsFor(rows, (row) => row)) {
      if (work.dialect.rowSets) {
        const { sql, bindings } = this.#setStatement(work, chunk, skip)
        count += await work.run(sql, bindings)
      } else {
        for (const row of chunk) {
          const { sql, bindings } = this.insertStatement(row)
          count += await work.run(skip(sql), bindings)
        }
      }
    }
    return count
  }

  /** Changes rows by id. Rows of the same columns are changed together. */
  async update(work: Work, changes: RowChange[]): Promise<void> {
    const shapes = Map.groupBy(changes, ({ columns }) => Object.keys(columns).join())
    for (const alike of shapes.values()) {
      for (const chunk of statementsFor(alike, ({ columns }) => columns)) {
        await this.#updateAlike(work, chunk)
      }
    }
  }

  async #insertSet(work: Work, rows: Columns[]): Promise<string[]> {
    const { dialect } = work
    const { sql, bindings } = this.#setStatement(work, rows, (insert) =>
      dialect.insertOrSkip(insert)
    )
    if (dialect.rowSets!.returning) {
      return idsOf(await work.all(`${sql} returning id`, bindings))
    }
    // How many rows it counts for one that was there depends on the driver's flags
    const before = new Set(await this.#known(work, rows))
    await work.run(sql, bindings)
    const after = await this.#known(work, rows)
    return after.filter((id) => !before.has(id))
  }

  #setStatement(work: Work, rows: Columns[], skip: (insert: string) => string): Statement {
    const columns = Object.keys(rows[0]).map((name) => ({ name, kind: this.#kindOf(name) }))
    const { sql, bindings } = work.dialect.rowSets!.insert(this.#table, columns, rows)
    return { sql: skip(sql), bindings }
  }

  async #known(work: Work, rows: Columns[]): Promise<string[]> {
    const list = inList(rows.map(({ id }) => id))
    return idsOf(
      await work.all(`select id from ${this.#table} where id in ${list.sql}`, list.bindings)
    )
  }

  async #updateAlike(work: Work, changes: RowChange[]): Promise<void> {
    const { rowSets } = work.dialect
    const names = Object.keys(changes[0].columns)
    const value = (name: string) => changes[0].columns[name]
    const same = names.filter((name) =>
      changes.every(({ columns }) => columns[name] === value(name))
    )
    if (same.length === names.length) {
      const list = inList(changes.map(({ id }) => id))
      const sql = `update ${this.#table} set ${assignments(names)} where id in ${list.sql}`
      await work.run(sql, [...names.map(value), ...list.bindings])
    } else if (rowSets) {
      const columns = names
        .filter((name) => !same.includes(name))
        .map((name) => ({ name, kind: this.#kindOf(name) }))
      const rows = changes.map((change) => [
        change.id,
        ...columns.map(({ name }) => change.columns[name]),
      ])
      const constants = same.map((name) => ({ name, value: value(name) }))
      const { sql, bindings } = rowSets.update(this.#table, columns, rows, constants)
      await work.run(sql, bindings)
    } else {
      const sql = `update ${this.#table} set ${assignments(names)} where id = ?`
      for (const { id, columns } of changes) {
        await work.run(sql, [...Object.values(columns), id])
      }
    }
  }
}

function assignments(names: string[]): string {
  return names.map((name) => `${name} = ?`).join(', ')
}

function idsOf(rows: Record<string, unknown>[]): string[] {
  return rows.map(({ id }) => id as string)
}

const MOST_ROWS = 500
/** Servers refuse statements longer than a few megabytes. */
const MOST_CHARACTERS = 1_000_000

/** Cuts rows into as many as one statement takes. */
function* statementsFor<T>(rows: T[], columnsOf: (row: T) => Columns): Generator<T[]> {
  let part: T[] = []
  let length = 0
  for (const row of rows) {
    const characters = charactersOf(columnsOf(row))
    if (part.length === MOST_ROWS || (part.length > 0 && length + characters > MOST_CHARACTERS)) {
      yield part
      part = []
      length = 0
    }
    part.push(row)
    length += characters
  }
  if (part.length > 0) {
    yield part
  }
}

function charactersOf(columns: Columns): number {
  let characters = 0
  for (const name in columns) {
    const value = columns[name]
    characters += typeof value === 'string' ? value.length : 0
  }
  return characters
}
