import type { LegacySession } from '../connection.ts'
import type { RequestTypes } from '../request_types.ts'
import type { RequestLayout } from './request_candidates.ts'
import { toNumber } from './values.ts'

type Query = ReturnType<LegacySession['client']['from']>

const TYPE = 'upper(trim(??))'

/** Leaves out the rows of types that are not taken here. */
export function ofTypes(
  query: Query,
  session: LegacySession,
  column: string,
  { ignored, only }: RequestTypes
): Query {
  const type = () => session.client.raw(TYPE, [column]) as unknown as string
  return query
    .if(ignored.length > 0, (each) => each.whereNotIn(type(), [...ignored]))
    .if(only !== null, (each) => each.whereIn(type(), [...only!]))
}

/** NEW rows of types that are neither taken nor ignored, by type. */
export async function countLeft(
  session: LegacySession,
  table: RequestLayout,
  { ignored, only }: RequestTypes
): Promise<Record<string, number>> {
  if (only === null) {
    return {}
  }
  const { client } = session
  const column = table.column('type')
  const type = client.raw(TYPE, [column]) as unknown as string
  const rows: Record<string, unknown>[] = await session.run(() =>
    client
      .from(table.name)
      .select(`${column} as type`)
      .select(client.raw('count(*) as ??', ['amount']))
      .where(table.column('status'), 'NEW')
      .whereNotIn(type, [...only, ...ignored])
      .groupBy(column)
  )
  const counts: Record<string, number> = {}
  for (const row of rows) {
    const name = String(row.type).trim().toUpperCase()
    counts[name] = (counts[name] ?? 0) + (toNumber(row.amount) ?? 0)
  }
  return counts
}
