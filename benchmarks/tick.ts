import { openAlmanac } from './lib/almanac.ts'
import { copyRow } from './lib/copies.ts'
import { createDatabase, type Database } from './lib/postgres.ts'

/**
 * How long a tick takes with some slots due among many active events; answers
 * `ms`. `single` does the writes of such a tick one by one in one transaction.
 */
const order = JSON.parse(process.argv[2]) as { way: 'tick' | 'single'; events: number; due: number }
const DAY = 86_400_000
const WARM = 1_000

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

await makeDue(1, WARM)
await almanac.tick()
const before = await fired()
await makeDue(WARM + 1, order.due)
await database.query('vacuum analyze almanac_events')
const began = performance.now()
if (order.way === 'tick') {
  await almanac.tick()
} else {
  await singly(database, order.due)
}
const ms = performance.now() - began
if ((await fired()) - before !== order.due) {
  throw new Error(`${(await fired()) - before} of ${order.due} slots were fired`)
}
await close()
await database.drop()
console.log(JSON.stringify({ ms }))
process.exit(0)

async function singly({ url }: Database, due: number): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
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
  await client.query('begin')
  for (let n = WARM + 1; n <= WARM + due; n++) {
    await client.query(
      `update almanac_events set next_run_at = next_run_at + $2, last_slot = next_run_at
       where id = $1 and status = 'active'`,
      [`event-${n}`, DAY]
    )
    await client.query(insert, [`single-${n}`, `slot-${n}`, `event-${n}`])
  }
  await client.query('commit')
  await client.end()
}
