import type { Running } from '../rules/claim_plan.ts'
import type { HeldPlace } from '../rules/places.ts'
import type { Now } from '../contract.ts'
import type { RateParts } from '../rules/rate.ts'
import { readParts } from './control_rows.ts'
import { CONTROLS_VERSION } from './known_controls.ts'
import { among, type Row, type Work } from './work.ts'

/** What runs and was claimed of late, as far as limits ask. */
export interface RunningRows {
  /** The instant of the look. */
  now: number
  /** Of the controls. */
  version: number
  /** Of the handlers that were asked for. */
  runs: Map<string, Running>
  /** The places of keys, whichever handler holds them. */
  held: HeldPlace[]
  /** The claims of late of handlers with a rate. */
  parts: Map<string, RateParts>
}

/**
 * Counts what runs of handlers, lists what holds a place of a key, and reads
 * the claims of late, the version of the controls and the clock: one statement.
 */
export async function runningRows(
  work: Work,
  { handlers, node, now }: { handlers: string[]; node: string; now: Now }
): Promise<RunningRows> {
  const list = among(work, handlers)
  const rows = await work.all(
    `select clock.now_ms, (${CONTROLS_VERSION}) as version, found.*
      from (${work.dialect.clockSql}) clock left join (
        select handler, node, concurrency_hash, running_key, count(*) as total, null as rate_parts
          from almanac_executions
          where state = 'running' and (running_key is not null or handler ${list.sql})
          group by handler, node, concurrency_hash, running_key
        union all select name, null, null, null, 0, rate_parts
          from almanac_controls where scope = 'handler' and rate_parts is not null) found on 1 = 1`,
    list.bindings
  )
  const running = rows.filter(({ total }) => Number(total) > 0)
  const rated = rows.filter(({ rate_parts: parts }) => parts !== null)
  return {
    now: now ?? Number(rows[0].now_ms),
    version: Number(rows[0].version ?? 0),
    runs: runsOf(running, node),
    held: running.flatMap(({ concurrency_hash: key, running_key: runningKey }) =>
      runningKey === null ? [] : [{ key: String(key), runningKey: String(runningKey) }]
    ),
    parts: new Map(rated.map((row) => [String(row.handler), readParts(row.rate_parts)])),
  }
}

function runsOf(rows: Row[], node: string): Map<string, Running> {
  const runs = new Map<string, Running>()
  for (const row of rows) {
    const handler = String(row.handler)
    const { cluster, node: here } = runs.get(handler) ?? { cluster: 0, node: 0 }
    const total = Number(row.total)
    runs.set(handler, { cluster: cluster + total, node: here + (row.node === node ? total : 0) })
  }
  return runs
}
