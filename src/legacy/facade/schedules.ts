import { E_LEGACY_FLOW } from '../../errors.ts'
import { refuseOthers } from '../../input/fields.ts'
import { Problems } from '../../input/problems.ts'
import type { LegacySession } from '../connection.ts'
import { RunTimes } from '../run_times.ts'
import type { FlowRow } from '../tables/job_flows.ts'
import type { ScheduleRow } from '../tables/job_schedules.ts'
import type { LegacyTables } from '../tables/main.ts'
import type { FacadeDeps } from './deps.ts'
import { assertWritten, edit } from './edit.ts'
import { asObject, readLetter, readMapref } from './fields.ts'
import {
  readSchedule,
  saysTheSame,
  type ScheduleInput,
  type WantedSchedule,
} from './schedule_input.ts'

export interface SavedSchedule {
  jobschid: number
  /** `UNCHANGED`: the current row says the same, nothing was written. */
  status: 'CREATED' | 'UPDATED' | 'UNCHANGED'
}

export interface SwitchedSchedule {
  jobschid: number
  /** False when it was so already. */
  changed: boolean
}

export interface ScheduleSwitch {
  mapref: string
  /** Enable or disable. */
  flag: 'E' | 'D'
}

const SUBJECT = 'The schedule'

/**
 * Changes to single schedules. A change becomes a new version: the old row
 * loses CURFLG, the new one keeps the parent, and the children follow to it.
 */
export class Schedules {
  readonly #deps: FacadeDeps

  constructor(deps: FacadeDeps) {
    this.#deps = deps
  }

  /** @param problems found by the caller already, told with the rest */
  async create(input: ScheduleInput, problems = new Problems()): Promise<SavedSchedule> {
    const tables = await this.#deps.tables()
    const { wanted, flow } = await this.#read(tables, input, problems)
    const { mapref } = wanted.values
    const { session } = this.#deps.connection
    const current = await tables.schedules.findCurrent(session, mapref)
    if (current && saysTheSame(current, wanted, this.#deps.source)) {
      return { jobschid: current.jobschid, status: 'UNCHANGED' }
    }
    const jobschid = await tables.ids.next('jobSchedule')
    return edit(this.#deps, `the schedule of MAPREF "${mapref}"`, (trx) =>
      this.#save(trx, tables, { wanted, flow, jobschid })
    )
  }

  async enableDisable(input: ScheduleSwitch, problems = new Problems()): Promise<SwitchedSchedule> {
    const { mapref, flag } = readSwitch(input, problems)
    problems.throwAny(SUBJECT)
    const tables = await this.#deps.tables()
    return edit(this.#deps, `the schedule of MAPREF "${mapref}"`, async (session) => {
      const current = await lockedCurrent(session, tables, 'mapref', mapref!)
      const { jobschid } = current
      const enabled = flag === 'E'
      if (current.enabled === enabled) {
        return { jobschid, changed: false }
      }
      const now = await session.sql.now()
      const nextRun = this.#nextRun(tables, { ...current, enabled }, now)
      const change = { enabled, nextRun, now }
      assertWritten(await tables.scheduleEdits.enable(session, jobschid, change))
      return { jobschid, changed: true }
    })
  }

  async #read(tables: LegacyTables, input: unknown, problems: Problems) {
    const { connection, source } = this.#deps
    const { session, wallClock } = connection
    const today = wallClock.render(await connection.now()).slice(0, 'yyyy-MM-dd'.length)
    const { mostMinutes } = tables.schedules
    const mapref = readMapref('mapref', (input as ScheduleInput | null)?.mapref, () => {})
    const current = mapref ? await tables.schedules.findCurrent(session, mapref) : null
    const context = { ...source, wallClock, today, mostMinutes }
    const kept = () => current?.strtdt ?? null
    const wanted = readSchedule(input, context, kept, problems.report)
    const flow = mapref ? await activeFlow(session, tables, mapref, problems) : null
    if (flow?.jobid === null && tables.scheduleEdits.needsJob) {
      const reason = `its flow (JOBFLWID ${flow.jobflwid}) has no JOBID, which the schedule table needs; give the flow one`
      problems.report('mapref', mapref!, reason)
    }
    problems.throwAny(SUBJECT)
    return { wanted: wanted!, flow: flow! }
  }

  /** The row of the flow is locked, so that two first schedules of a MAPREF cannot both be current. */
  async #save(
    session: LegacySession,
    tables: LegacyTables,
    { wanted, flow, jobschid }: { wanted: WantedSchedule; flow: FlowRow; jobschid: number }
  ): Promise<SavedSchedule> {
    const { scheduleEdits, schedules } = tables
    const { mapref } = wanted.values
    const { jobflwid, jobid } = flow
    await tables.flows.lock(session, jobflwid)
    const rows = await lockCurrent(session, tables, mapref)
    const current = rows.at(-1)
    if (current && saysTheSame(current, wanted, this.#deps.source)) {
      return { jobschid: current.jobschid, status: 'UNCHANGED' }
    }
    const children = await schedules.listChildren(session, mapref)
    const now = await session.sql.now()
    for (const row of rows) {
      assertWritten(await scheduleEdits.retire(session, row.jobschid, now))
    }
    const lastRun = current ? await scheduleEdits.lastRun(session, current.jobschid) : null
    const dpndJobschid = current?.dpndJobschid ?? null
    const version = { ...wanted.values, jobschid, jobflwid, jobid, dpndJobschid, lastRun, now }
    await scheduleEdits.insert(session, version)
    for (const child of children.filter((row) => row.mapref !== mapref)) {
      const parent = { dpndJobschid: jobschid, now }
      assertWritten(await scheduleEdits.setParent(session, child.jobschid, parent))
    }
    return { jobschid, status: current ? 'UPDATED' : 'CREATED' }
  }

  #nextRun(tables: LegacyTables, row: ScheduleRow, now: number): number | null | undefined {
    const { source, logger, connection } = this.#deps
    const { wallClock } = connection
    return new RunTimes({ schedules: tables.schedules, source, logger, wallClock }).next(row, now)
  }
}

/**
 * The current rows, locked. A row that was replaced while its lock was waited
 * for is found in neither version, so that nothing found is looked for again.
 */
async function lockCurrent(
  session: LegacySession,
  { schedules }: LegacyTables,
  mapref: string
): Promise<ScheduleRow[]> {
  const rows = await schedules.listCurrent(session, { mapref, lock: true })
  return rows.length > 0 ? rows : schedules.listCurrent(session, { mapref, lock: true })
}

/**
 * The current row, locked until the transaction ends.
 *
 * @throws E_INVALID_INPUT when there is none
 */
export async function lockedCurrent(
  session: LegacySession,
  tables: LegacyTables,
  field: string,
  mapref: string
): Promise<ScheduleRow> {
  const rows = await lockCurrent(session, tables, mapref)
  const current = rows.at(-1)
  if (!current) {
    const problems = new Problems()
    problems.report(field, mapref, 'it has no current schedule; create one first')
    problems.throwAny(SUBJECT)
  }
  return current!
}

/** @returns null when there is no active flow, which is reported */
export async function activeFlow(
  session: LegacySession,
  { flows }: LegacyTables,
  mapref: string,
  problems: Problems
): Promise<FlowRow | null> {
  try {
    return await flows.activeFlow(session, mapref)
  } catch (error) {
    if (!(error instanceof E_LEGACY_FLOW)) {
      throw error
    }
    problems.report('mapref', mapref, `${error.message}; create or activate its flow first`)
    return null
  }
}

function readSwitch(input: unknown, { report }: Problems) {
  const given = asObject(input, '{ mapref, flag: "E" }', report)
  refuseOthers('', given, ['mapref', 'flag'], report)
  return {
    mapref: readMapref('mapref', given.mapref, report),
    flag: readLetter('flag', given.flag, ['E', 'D'], report),
  }
}
