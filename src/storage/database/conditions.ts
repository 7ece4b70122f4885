import { inList, type Value } from './work.ts'

/** A where clause put together from those filters that are set. */
export class Conditions {
  readonly #parts: string[] = []
  readonly bindings: Value[] = []

  add(condition: string, value: Value | undefined): this {
    if (value !== undefined) {
      this.#parts.push(condition)
      this.bindings.push(value)
    }
    return this
  }

  /** A condition of several bindings. */
  addAll(condition: string, values: Value[]): this {
    this.#parts.push(condition)
    this.bindings.push(...values)
    return this
  }

  addList(column: string, values: readonly string[] | undefined, negated = false): this {
    if (values !== undefined && (values.length > 0 || !negated)) {
      const list = inList(values)
      this.#parts.push(`${column} ${negated ? 'not in' : 'in'} ${list.sql}`)
      this.bindings.push(...list.bindings)
    }
    return this
  }

  get sql(): string {
    return this.#parts.length === 0 ? '' : `where ${this.#parts.join(' and ')}`
  }
}

/** Rows of one node: of any of its boots when only its name is given. */
export function addNode(conditions: Conditions, node: string | undefined): void {
  if (node !== undefined) {
    const { sql, bindings } = ofNodeName(node)
    conditions.addAll(`(node = ? or ${sql})`, [node, ...bindings])
  }
}

/** Rows of all boots of the node of this name. */
export function addNodeName(conditions: Conditions, name: string | undefined): void {
  if (name !== undefined) {
    const { sql, bindings } = ofNodeName(name)
    conditions.addAll(sql, bindings)
  }
}

function ofNodeName(name: string): { sql: string; bindings: Value[] } {
  const start = `${name}.`
  // A name may hold dots, a boot does not
  const longerName = `${start.replace(/[!%_]/g, '!$&')}%.%`
  return {
    sql: `(substr(node, 1, ?) = ? and node not like ? escape '!')`,
    bindings: [[...start].length, start, longerName],
  }
}
