import type { LegacySession } from '../connection.ts'
import type { ColumnKey } from '../preset.ts'
import type { RequestLayout } from './request_candidates.ts'
import type { TableDialect } from './dialect.ts'
import type { Quote } from './row_sets.ts'
import { toNumber, toText } from './values.ts'

/** A row of the request table. */
export interface RequestRow {
  requestId: string
  mapref: string
  type: string
  /** JSON text; null when empty, and when it is longer than is taken. */
  payload: string | null
  payloadLength: number
  /** The payload has more characters than config allows, and was not read. */
  oversized: boolean
  status: string
  claimedBy: string | null
  /** Epoch ms; null when empty or unreadable. */
  readonly requestedAt: number | null
  readonly claimedAt: number | null
}

const PLAIN_COLUMNS = [
  'requestId',
  'mapref',
  'type',
  'status',
  'requestedAt',
  'claimedAt',
  'claimedBy',
] as const satisfies ColumnKey<'requests'>[]

type Query = ReturnType<LegacySession['client']['from']>

interface Deps {
  table: RequestLayout
  /** Bytes; a payload of more characters is left in the database. */
  maxPayload: number
  dialect: Pick<TableDialect, 'characters' | 'text'>
}

/** Reads rows of the request table, by REQUESTED_AT, then REQUEST_ID. */
export class RequestReader {
  readonly #table: RequestLayout
  readonly #maxPayload: number
  readonly #dialect: Deps['dialect']

  constructor({ table, maxPayload, dialect }: Deps) {
    this.#table = table
    this.#maxPayload = maxPayload
    this.#dialect = dialect
  }

  /** What `toRequest` takes of a row, in the words of the database. */
  columns(quote: Quote): string {
    const { characters, text } = this.#dialect
    const payload = quote(this.#table.column('payload'))
    const of = (form: string) => form.replaceAll('??', () => payload)
    return [
      ...this.#table.reading(PLAIN_COLUMNS, quote),
      `${of(characters)} as ${quote('payloadLength')}`,
      `case when ${of(characters)} <= ${this.#maxPayload} then ${of(text)} end as ${quote('payload')}`,
    ].join(', ')
  }

  async read(session: LegacySession, narrow: (query: Query) => Query): Promise<RequestRow[]> {
    const table = this.#table
    const rows: Record<string, unknown>[] = await session.run(() =>
      narrow(this.#select(session))
        .orderBy(table.column('requestedAt'))
        .orderBy(table.column('requestId'))
    )
    return rows.map((row) => this.toRequest(row))
  }

  #select({ client }: LegacySession): Query {
    const payload = this.#table.column('payload')
    const { characters, text } = this.#dialect
    const length = client.raw(`${characters} as ??`, [payload, 'payloadLength'])
    const short = client.raw(`case when ${characters} <= ? then ${text} end as ??`, [
      payload,
      this.#maxPayload,
      payload,
      'payload',
    ])
    return client
      .from(this.#table.name)
      .select(this.#table.select(PLAIN_COLUMNS))
      .select(length)
      .select(short)
  }

  /** Dates are read when they are asked for: a row that is claimed shows none. */
  toRequest(row: Record<string, unknown>): RequestRow {
    const { wallClock } = this.#table
    const payloadLength = toNumber(row.payloadLength) ?? 0
    return {
      requestId: String(row.requestId),
      mapref: toText(row.mapref) ?? '',
      type: toText(row.type) ?? '',
      payload: toText(row.payload),
      payloadLength,
      oversized: payloadLength > this.#maxPayload,
      status: String(row.status),
      claimedBy: toText(row.claimedBy),
      get requestedAt() {
        return wallClock.readOrNull(row.requestedAt)
      },
      get claimedAt() {
        return wallClock.readOrNull(row.claimedAt)
      },
    }
  }
}
