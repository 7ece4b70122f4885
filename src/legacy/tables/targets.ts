import type { LegacySession } from '../connection.ts'
import type { ColumnKey, TableKey, TableSpec } from '../preset.ts'
import type { TableDialect } from './dialect.ts'
import type { TableLayout } from './layout.ts'
import { spellings, toText } from './values.ts'

/** The table that the flow of a MAPREF fills, or why none may be emptied. */
export type Target = { ok: true; name: string } | { ok: false; reason: string }

type Layout = Pick<TableLayout<ColumnKey<'jobs'>>, 'name' | 'has' | 'column' | 'select'>

interface Deps {
  mappings: TableLayout<ColumnKey<'mappings'>> | null
  jobs: TableLayout<ColumnKey<'jobs'>> | null
  dialect: TableDialect
  /** The tables of this scheduler: nobody's target. */
  own: Readonly<Record<TableKey, TableSpec>>
}

const IDENTIFIER = /^[a-z_][\w$#]{0,127}$/i
/** The package's own tables. */
const OWN = /^almanac_/i

/**
 * Targets of flows, as DWMAPR names them, else DWJOB. A name is used only
 * when it is a plain identifier and the catalogue has a table of that name.
 */
export class Targets {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async find(session: LegacySession, mapref: string): Promise<Target> {
    const { mappings, jobs } = this.#deps
    const named =
      (await this.#named(session, mappings, mapref)) ?? (await this.#named(session, jobs, mapref))
    if (named === 'several') {
      return refused('several targets (TRGTBNM) are named for it')
    }
    if (!named) {
      const { mappings: first, jobs: second } = this.#deps.own
      return refused(`neither ${first.name} nor ${second.name} names a target (TRGTBNM) for it`)
    }
    const parts = named.schema === null ? [named.table] : [named.schema, named.table]
    const odd = parts.find((part) => !IDENTIFIER.test(part))
    if (odd !== undefined) {
      return refused(`its target "${odd}" is no plain name of letters, digits, _, $ and #`)
    }
    if (this.#isOwn(named.table)) {
      return refused(`its target "${named.table}" is a table of the scheduler itself`)
    }
    return this.#existing(session, parts.join('.'))
  }

  /** Empties a table that `find` has found. On MySQL and Oracle that commits by itself. */
  async empty(session: LegacySession, name: string, signal: AbortSignal): Promise<void> {
    const { dialect } = this.#deps
    await session.run(() =>
      session.sql.query(dialect.emptied(dialect.quoted(name)), [], { signal })
    )
  }

  async #named(
    session: LegacySession,
    table: Layout | null,
    mapref: string
  ): Promise<{ schema: string | null; table: string } | 'several' | null> {
    if (!table?.has('trgtbnm')) {
      return null
    }
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['trgschm', 'trgtbnm']))
        .where(table.column('mapref'), mapref)
        .if(table.has('curflg'), (query) => query.where(table.column('curflg'), 'Y'))
    )
    const named = rows.flatMap(({ trgschm, trgtbnm }) => {
      const name = toText(trgtbnm)?.trim()
      return name ? [{ schema: toText(trgschm)?.trim() || null, table: name }] : []
    })
    const distinct = new Set(named.map((target) => JSON.stringify(target)))
    return distinct.size > 1 ? 'several' : (named[0] ?? null)
  }

  #isOwn(table: string): boolean {
    const name = table.toLowerCase()
    const own = Object.values(this.#deps.own).map((spec) => spec.name.split('.').at(-1)!)
    return OWN.test(table) || own.some((each) => each.toLowerCase() === name)
  }

  async #existing(session: LegacySession, wanted: string): Promise<Target> {
    for (const name of spellings(wanted)) {
      const columns = await session.run(() => this.#deps.dialect.columns(session.client, name))
      if (columns.length > 0) {
        return { ok: true, name }
      }
    }
    return refused(`its target "${wanted}" does not exist`)
  }
}

function refused(reason: string): Target {
  return { ok: false, reason }
}
