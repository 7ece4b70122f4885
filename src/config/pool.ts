/** The part of a Lucid connection's config that says how many connections it may open. */
export interface PooledConnection {
  client?: unknown
  pool?: { max?: number }
}

/** What knex opens at most where the config says nothing. */
const DEFAULT_POOL = 10
/** Connections that the loop and the housekeeping may hold beside the handlers. */
const OWN_USE = 2

/**
 * Says what is wrong when the pool cannot carry the concurrency; null when it
 * can. SQLite needs no pool: its statements do not wait for each other's answers.
 */
export function poolWarning(
  name: string,
  connection: PooledConnection,
  concurrency: number
): string | null {
  const client = String(connection.client)
  const max = connection.pool?.max ?? DEFAULT_POOL
  const needed = concurrency + OWN_USE
  if (/sqlite/.test(client) || max >= needed) {
    return null
  }
  return (
    `Connection "${name}" opens at most ${max} connections, and ${concurrency} handlers at once may need ${needed}: ` +
    `raise pool.max in config/database.ts, or lower the concurrency in config/almanac.ts`
  )
}
