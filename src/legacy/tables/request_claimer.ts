import type { LegacySession } from '../connection.ts'
import type { RequestTypes } from '../request_types.ts'
import type { ClaimStatements } from './claim_statement.ts'
import type { TableDialect } from './dialect.ts'
import {
  GROWTH,
  LOOKS,
  SMALLEST_PAGE,
  type Claim,
  type RequestLayout,
} from './request_candidates.ts'
import type { RequestReader, RequestRow } from './request_reader.ts'
import type { Quote } from './row_sets.ts'
import { toNumber } from './values.ts'

interface Deps {
  table: RequestLayout
  reader: RequestReader
  types: RequestTypes
  statements: ClaimStatements
  quote: Quote
}

/** @returns null where a claim takes several statements */
export function claimerOf({
  dialect: { claims: statements, quoted: quote },
  ...deps
}: Pick<Deps, 'table' | 'reader' | 'types'> & {
  dialect: Pick<TableDialect, 'claims' | 'quoted'>
}): RequestClaimer | null {
  const { table } = deps
  return statements?.takes(table.declared.get(table.column('mapref'))!)
    ? new RequestClaimer({ ...deps, statements, quote })
    : null
}

/** Claims requests in one statement a look, for databases that can. */
export class RequestClaimer {
  readonly #deps: Deps
  readonly #columns: string

  constructor(deps: Deps) {
    this.#deps = deps
    this.#columns = deps.reader.columns(deps.quote)
  }

  /** @returns what is ours now, by REQUESTED_AT, then REQUEST_ID of each look */
  claim(session: LegacySession, claim: Claim): Promise<RequestRow[]> {
    return session.run(() =>
      session.sql.transaction((sql) => this.#looks({ ...session, sql }, claim))
    )
  }

  async #looks({ sql }: LegacySession, claim: Claim): Promise<RequestRow[]> {
    const { statements } = this.#deps
    await sql.query(statements.prepare)
    const claimed: RequestRow[] = []
    let size = Math.max(SMALLEST_PAGE, claim.limit)
    for (let look = 0; look < LOOKS && claimed.length < claim.limit; look++) {
      const found = await this.#look(sql, claim, { size, limit: claim.limit - claimed.length })
      claimed.push(...found.rows)
      if (found.looked < size) {
        break
      }
      size *= GROWTH
    }
    return claimed
  }

  async #look(
    sql: LegacySession['sql'],
    claim: Claim,
    { size, limit }: { size: number; limit: number }
  ): Promise<{ rows: RequestRow[]; looked: number }> {
    const { table, types, statements, reader } = this.#deps
    const look = { table, types, claim, columns: this.#columns, size, limit }
    const { sql: text, bindings } = statements.look(look)
    const { rows } = await sql.query(text, bindings)
    return {
      rows: rows.filter(({ id }) => id !== null).map((row) => reader.toRequest(row)),
      looked: toNumber(rows[0].looked) ?? 0,
    }
  }
}
