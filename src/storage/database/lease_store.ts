import type { LeaseRecord, LeaseStore } from '../contract.ts'
import type { StoreConnection } from './connection.ts'
import { first, instant, type Row, type Work } from './work.ts'

type Params<K extends keyof LeaseStore> = Parameters<LeaseStore[K]>[0]

const HELD = 'name = ? and owner = ? and term = ?'

export class DatabaseLeaseStore implements LeaseStore {
  readonly #connection: StoreConnection

  constructor(connection: StoreConnection) {
    this.#connection = connection
  }

  acquire(params: Params<'acquire'>): Promise<LeaseRecord | null> {
    return this.#connection.write('leases.acquire', (work) => acquire(work, params))
  }

  renew({ now, name, owner, term, ttl }: Params<'renew'>): Promise<boolean> {
    return this.#connection.write('leases.renew', async (work) => {
      const expiresAt = (await instant(work, now)) + ttl
      const sql = `update almanac_leases set expires_at = ? where ${HELD}`
      return (await work.run(sql, [expiresAt, name, owner, term])) > 0
    })
  }

  release({ name, owner, term }: Params<'release'>): Promise<boolean> {
    return this.#connection.write('leases.release', async (work) => {
      // The row stays, so that the next owner's term is a later one
      const sql = `update almanac_leases set owner = null, expires_at = null where ${HELD}`
      return (await work.run(sql, [name, owner, term])) > 0
    })
  }

  find(name: string): Promise<LeaseRecord | null> {
    return this.#connection.read('leases.find', async (work) => {
      const sql = 'select * from almanac_leases where name = ? and owner is not null'
      const row = await first(work, sql, [name])
      return row && toLease(row)
    })
  }
}

/** Guarded statements decide, whoever comes at the same time. */
async function acquire(
  work: Work,
  { now, name, owner, ttl }: Params<'acquire'>
): Promise<LeaseRecord | null> {
  const at = await instant(work, now)
  const take = () =>
    work.run(
      `update almanac_leases set
        term = case when owner = ? and expires_at > ? then term else term + 1 end,
        owner = ?, expires_at = ?
        where name = ? and (owner is null or owner = ? or expires_at <= ?)`,
      [owner, at, owner, at + ttl, name, owner, at]
    )
  // Mostly the row is there, of an owner or free
  const changed = (await take()) || ((await insertFree(work, name)) && (await take()))
  const row = changed > 0 && (await first(work, OF_NAME, [name]))
  return row ? toLease(row) : null
}

const OF_NAME = 'select * from almanac_leases where name = ?'

/** @returns 0 where the row was there */
function insertFree(work: Work, name: string): Promise<number> {
  const insert =
    'insert into almanac_leases (name, owner, term, expires_at) values (?, null, 0, null)'
  return work.run(work.dialect.insertOrSkip(insert, 'name'), [name])
}

function toLease(row: Row): LeaseRecord {
  return {
    name: row.name as string,
    owner: row.owner as string,
    term: Number(row.term),
    expiresAt: Number(row.expires_at),
  }
}
