import type { DatabaseKind, TestStore } from './databases.ts'

/**
 * One change of an execution's state or attempt. Those of one execution, and
 * of one concurrency key, are in the order in which the store made them.
 */
export interface AuditRow {
  seq: number
  id: string
  concurrency_hash: string | null
  state_from: string
  state_to: string
  rescues_from: number
  rescues_to: number
  /** By the database's clock, epoch ms. */
  lease_from: number | null
  at: number
}

const CHANGED = 'old.state <> new.state or old.attempt <> new.attempt'
const COLUMNS = 'id, concurrency_hash, state_from, state_to, rescues_from, rescues_to, lease_from'

function table(seq: string): string {
  return `create table audit (seq ${seq}, id varchar(40), concurrency_hash varchar(64),
    state_from varchar(20), state_to varchar(20), rescues_from integer, rescues_to integer,
    lease_from bigint, at bigint)`
}

/** Notes a change, with the database's clock in epoch ms. */
function note(clock: string): string {
  return `insert into audit (${COLUMNS}, at) values (old.id, old.concurrency_hash, old.state,
    new.state, old.rescues, new.rescues, old.lease_expires_at, ${clock})`
}

const AUDIT: Record<DatabaseKind, string[]> = {
  sqlite: [
    table('integer primary key autoincrement'),
    `create trigger audit_states after update on almanac_executions when ${CHANGED}
      begin ${note(`cast(round((julianday('now') - 2440587.5) * 86400000) as integer)`)}; end`,
  ],
  postgresql: [
    table('bigserial primary key'),
    `create function note_state() returns trigger language plpgsql as $$
      begin
        ${note('floor(extract(epoch from clock_timestamp()) * 1000)')};
        return null;
      end $$`,
    `create trigger audit_states after update on almanac_executions
      for each row when (${CHANGED}) execute function note_state()`,
  ],
  mariadb: [
    table('bigint auto_increment primary key'),
    // What else reads the clock stands still while a statement runs
    `create trigger audit_states after update on almanac_executions for each row
      if ${CHANGED} then
        ${note('round(unix_timestamp(sysdate(3)) * 1000)')};
      end if`,
  ],
}

/** Lets the database itself note every change of a state. */
export async function auditStore({ session, target }: TestStore): Promise<void> {
  for (const sql of AUDIT[target.kind]) {
    await session.query(sql)
  }
}

export async function readAudit({ session }: TestStore): Promise<AuditRow[]> {
  const { rows } = await session.query('select * from audit order by seq')
  const numbers = ['seq', 'rescues_from', 'rescues_to', 'lease_from', 'at']
  return rows.map((row) => {
    // PostgreSQL's driver gives a bigint as text
    const read = numbers.map((name) => [name, row[name] === null ? null : Number(row[name])])
    return { ...row, ...Object.fromEntries(read) } as AuditRow
  })
}
