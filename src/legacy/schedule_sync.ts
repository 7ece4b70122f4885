import { hashKey } from '../keys.ts'
import { validateTrigger } from '../triggers/main.ts'
import type { Actor, EventRecord, SourceInput, SourceProblem } from '../types/events.ts'
import type { Logger } from '../types/logger.ts'
import type { Trigger } from '../types/triggers.ts'
import type { LegacySourceConfig } from './config.ts'
import type { LegacyConnection } from './connection.ts'
import { loopsOf, parentsOf } from './dependencies.ts'
import { frequencyTrigger } from './frequency_codes.ts'
import { concurrencyKeyOf, legacySourceName } from './ids.ts'
import { RunTimes } from './run_times.ts'
import type { ScheduleRow } from './tables/job_schedules.ts'
import type { LegacyTables } from './tables/main.ts'

type Named = Pick<EventRecord, 'name'>

/** What a sync changed. */
export interface SyncOutcome {
  added: Named[]
  changed: { after: Named }[]
  removed: Named[]
  unchanged: number
  problems: SourceProblem[]
}

/** The part of the scheduler that takes the events of a source. */
export interface ScheduleTarget {
  syncSource(
    source: string,
    definitions: SourceInput[],
    options: { missing: 'delete' | 'pause'; problems?: SourceProblem[]; by?: Actor }
  ): Promise<SyncOutcome>
}

/** Handler of every event of a legacy source. */
export const SCHEDULE_HANDLER = 'legacy.flow'

/** What the hash of a row covers. What Almanac writes itself (LST_RUN_DT, NXT_RUN_DT, RECUPDT) is no edit. */
const HASHED = [
  'mapref',
  'jobflwid',
  'frqcd',
  'frqdd',
  'frqhh',
  'frqmi',
  'strtdt',
  'enddt',
  'schflg',
  'dpndJobschid',
] as const satisfies (keyof ScheduleRow)[]

interface Deps {
  source: Pick<LegacySourceConfig, 'name' | 'timezone' | 'dialect' | 'shortMonths' | 'dependents'>
  connection: LegacyConnection
  tables: Pick<LegacyTables, 'schedules'>
  target: ScheduleTarget
  logger: Logger
}

/**
 * Keeps the events of one legacy source in step with its schedule table. The
 * key of an event is the MAPREF: JOBSCHID is data, so a new version of a
 * schedule updates its event.
 */
export class ScheduleSync {
  readonly #deps: Deps
  readonly #runTimes: RunTimes
  #running: Promise<SyncOutcome> | null = null
  #following: Promise<SyncOutcome> | null = null

  constructor(deps: Deps) {
    this.#deps = deps
    const { connection, tables, source, logger } = deps
    const { wallClock } = connection
    this.#runTimes = new RunTimes({ schedules: tables.schedules, source, wallClock, logger })
  }

  /**
   * Reads the table once and hands its rows over. A call during a sync gets
   * one that begins after it, so that it sees every row written before the call.
   *
   * @throws what the database throws (see `isTransient`); a bad row is a problem of the outcome
   */
  run(): Promise<SyncOutcome> {
    if (!this.#running) {
      this.#running = this.#sync().finally(() => {
        this.#running = null
      })
      return this.#running
    }
    this.#following ??= this.#running
      .then(
        () => undefined,
        () => undefined
      )
      .then(() => {
        this.#following = null
        return this.run()
      })
    return this.#following
  }

  async #sync(): Promise<SyncOutcome> {
    const { source, connection, tables, target, logger } = this.#deps
    const rows = await tables.schedules.listCurrent(connection.session)
    const { definitions, problems } = this.#read(rows)
    problems.push(...(await this.#loops(rows)))
    const name = legacySourceName(source.name)
    const options = { missing: 'pause', problems, by: name } as const
    const outcome = await target.syncSource(name, definitions, options)
    const { added, changed, removed, unchanged } = outcome
    logger.debug(
      {
        source: name,
        added: added.length,
        changed: changed.length,
        removed: removed.length,
        unchanged,
        problems: outcome.problems.length,
      },
      'Legacy schedules were read'
    )
    await this.#keepNextRuns(rows)
    return outcome
  }

  /** The schedules of a loop fire at their own slots; their dependencies are a mistake. */
  async #loops(rows: ScheduleRow[]): Promise<SourceProblem[]> {
    const { connection, tables } = this.#deps
    if (rows.every(({ dpndJobschid }) => dpndJobschid === null)) {
      return []
    }
    const maprefs = await tables.schedules.parentMaprefs(connection.session)
    return loopsOf(parentsOf(rows, maprefs)).map((loop) => ({
      key: loop[0],
      message: `DPND_JOBSCHID of MAPREF "${loop[0]}" leads back to it: ${loop.join(' > ')}; empty the column in one of these schedules`,
    }))
  }

  /** A column for people: the schedules themselves do not wait for it. */
  async #keepNextRuns(rows: ScheduleRow[]): Promise<void> {
    const { connection, logger, source } = this.#deps
    try {
      await this.#runTimes.keep(connection.session, rows, await connection.now())
    } catch (error) {
      logger.warn({ err: error, source: source.name }, 'NXT_RUN_DT could not be kept')
    }
  }

  #read(rows: ScheduleRow[]): { definitions: SourceInput[]; problems: SourceProblem[] } {
    const problems: SourceProblem[] = []
    const definitions: SourceInput[] = []
    for (const row of newestPerMapref(rows, problems)) {
      try {
        definitions.push(this.#define(row))
      } catch (error) {
        // A disabled row needs no trigger: left out, its event is paused
        if (row.enabled) {
          problems.push({ key: row.mapref, message: `${place(row)}: ${(error as Error).message}` })
        }
      }
    }
    return { definitions, problems }
  }

  #define(row: KeyedRow): SourceInput {
    const { name, dependents } = this.#deps.source
    const { mapref, jobschid } = row
    const firesItself = dependents.ownSlots || row.dpndJobschid === null
    return {
      key: mapref,
      hash: this.#hash(row),
      name: mapref,
      handler: SCHEDULE_HANDLER,
      payload: { source: name, mapref, jobschid },
      trigger: this.#trigger(row),
      overlap: 'wait',
      concurrencyKey: concurrencyKeyOf(name, mapref),
      enabled: row.enabled && firesItself,
    }
  }

  #trigger(row: ScheduleRow): Trigger {
    if (row.problems.length > 0) {
      throw new RangeError(row.problems.join('; '))
    }
    const { timezone, dialect, shortMonths } = this.#deps.source
    const trigger = frequencyTrigger(row, { timezone, dialect, shortMonths })
    const problems = validateTrigger(trigger)
    if (problems.length > 0) {
      const texts = problems.map(({ field, value, message }) => `${field} (${value}): ${message}`)
      throw new RangeError(texts.join('; '))
    }
    return trigger
  }

  /** Covers the row and what config says about reading it: both make the event what it is. */
  #hash(row: ScheduleRow): string {
    const { timezone, dialect, shortMonths, dependents } = this.#deps.source
    const reading = [timezone, dialect, shortMonths, dependents.ownSlots]
    return hashKey(JSON.stringify([reading, HASHED.map((key) => row[key])]))
  }
}

type KeyedRow = ScheduleRow & { mapref: string }

/** Of several current rows of a MAPREF the one with the highest JOBSCHID counts. */
function newestPerMapref(rows: ScheduleRow[], problems: SourceProblem[]): KeyedRow[] {
  const newest = new Map<string, KeyedRow>()
  for (const row of rows) {
    const { mapref } = row
    if (mapref === null || mapref.trim() === '') {
      problems.push({ key: `JOBSCHID ${row.jobschid}`, message: `${place(row)}: MAPREF is empty` })
      continue
    }
    const other = newest.get(mapref)
    const [loser, winner] =
      other && other.jobschid > row.jobschid ? [row, other] : [other, { ...row, mapref }]
    if (loser) {
      const message = `${place(loser)}: JOBSCHID ${winner.jobschid} is current too and counts, being the higher; set CURFLG of this one to N`
      problems.push({ key: mapref, message })
    }
    newest.set(mapref, winner)
  }
  return [...newest.values()]
}

function place({ mapref, jobschid }: ScheduleRow): string {
  return `schedule of MAPREF "${mapref ?? ''}" (JOBSCHID ${jobschid})`
}
