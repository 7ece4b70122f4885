import { openAlmanac } from './lib/almanac.ts'
import { copyRow } from './lib/copies.ts'
import { createDatabase } from './lib/postgres.ts'
import { median } from './lib/statistics.ts'

/**
 * How long a tick takes with some slots due among many active events: the
 * median of some ticks of one process as `ms`. `single` does the writes of such
 * a tick one by one in one transaction, on a connection that is open, as
 * statements that are not prepared, which is what query builders send. Either
 * way does all of it a few times before it is measured.
 */
const order = JSON.parse(process.argv[2]) as { way: 'tick' | 'single'; events: number; due: number }
const DAY = 86_400_000
/** Each round takes events of its own, so that few events allow few rounds. */
const ROUNDS = Math.max(1, Math.min(7, Math.floor((order.events - 1) / order.due)))
/** Rounds that do not count: the code gets hot, whichever way it is. */
const WARM = Math.min(2, ROUNDS - 1)

const database = await createDatabase()
const { almanac, storage, close } = await openAlmanac(database.url, {})
almanac.register('noop', async () => {})
await almanac.events.create({
  name: 'template',
  handler: 'noop',
  trigger: { kind: 'interval', every: '1d' },
})
await copyRow(database, {
  table: 'almanac_events',
  where: `name = 'template'`,
  changed: {
    id: `'event-' || n`,
    name: `'event ' || n`,
    source_key: `'event-' || n`,
    name_hash: `md5('name' || n)`,
    source_key_hash: `md5('key' || n)`,
    row_hash: 'null',
  },
  count: order.events,
})
// The rows are taken over, as those of a store of the first version are
await almanac.once()

/** Makes the slots of some events due, each at the midnight that has passed. */
async function makeDue(from: number, count: number): Promise<void> {
  const slot = Math.floor((await storage.now()) / DAY) * DAY
  await database.query(
    `update almanac_events set next_run_at = $1
     where id in (select 'event-' || n from generate_series($2::int, $3::int) n)`,
    [slot, from, from + count - 1]
  )
}

async function fired(): Promise<number> {
  return database.count('select count(*) from almanac_executions')
}

/** One round: its slots become due, and are fired the way that is measured. */
async function round(from: number, fire: (from: number) => Promise<unknown>): Promise<number> {
  await makeDue(from, order.due)
  await database.query('vacuum analyze almanac_events')
  const before = await fired()
  const began = performance.now()
  await fire(from)
  const ms = performance.now() - began
  if ((await fired()) - before !== order.due) {
    throw new Error(`${(await fired()) - before} of ${order.due} slots were fired`)
  }
  return ms
}

/** The writes of a tick, one by one. The executions are copies of one that a tick has made. */
async function singly() {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const columns = await client.query<{ name: string }>(
    `select column_name as name from information_schema.columns
     where table_name = 'almanac_executions' and table_schema = 'public'`
  )
  const names = columns.rows.map(({ name }) => name)
  const changed: Record<string, string> = { id: '$1', slot_key: '$2', event_id: '$3' }
  const insert = `insert into almanac_executions (${names.join(', ')})
    select ${names.map((name) => changed[name] ?? name).join(', ')}
    from almanac_executions limit 1 on conflict do nothing`
  const fireSingly = async (from: number) => {
    await client.query('begin')
    for (let n = from; n < from + order.due; n++) {
      await client.query(
        `update almanac_events set next_run_at = next_run_at + $2, last_slot = next_run_at
         where id = $1 and status = 'active'`,
        [`event-${n}`, DAY]
      )
      await client.query(insert, [`single-${n}`, `slot-${n}`, `event-${n}`])
    }
    await client.query('commit')
  }
  return { fire: fireSingly, end: () => client.end() }
}

// An execution for the single inserts to copy, and what every way finds
await makeDue(1, 1)
await almanac.tick()
const single = await singly()
const fire = order.way === 'tick' ? () => almanac.tick() : single.fire
const times: number[] = []
for (let n = 0; n < ROUNDS; n++) {
  times.push(await round(2 + n * order.due, fire))
}
await single.end()
await close()
await database.drop()
console.log(JSON.stringify({ ms: median(times.slice(WARM)) }))
process.exit(0)
