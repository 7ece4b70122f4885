import { oneOf } from '../../input/fields.ts'
import { type Problems } from '../../input/problems.ts'
import type { LegacyAdapter } from '../adapter.ts'
import { isGiven } from '../facade/fields.ts'
import type { HistoryInput, ImmediateInput, StopInput } from '../facade/request_input.ts'
import type { ScheduleInput } from '../facade/schedule_input.ts'
import type { ScheduleSwitch } from '../facade/schedules.ts'
import { JobRunning } from './answers.ts'
import * as schemas from './schemas.ts'
import type { BodySchema } from './schemas.ts'

type Fields = Record<string, unknown>

/** One POST of the old contract. */
export interface Operation {
  path: string
  schema: BodySchema
  /** The old field of each field of the facade. */
  names: Record<string, string>
  /** What is answered beside `success`. */
  run(source: LegacyAdapter, fields: Fields, problems: Problems): Promise<Record<string, unknown>>
}

const saveSchedule: Operation = {
  path: '/save_job_schedule',
  schema: schemas.scheduleBody,
  names: {
    mapref: 'MAPREF',
    frqcd: 'FRQCD',
    frqdd: 'FRQDD',
    frqhh: 'FRQHH',
    frqmi: 'FRQMI',
    strtdt: 'STRTDT',
    enddt: 'ENDDT',
  },
  async run({ pkgdwprc }, { MAPREF, FRQCD, FRQDD, FRQHH, FRQMI, STRTDT, ENDDT }, problems) {
    const input = {
      mapref: MAPREF,
      frqcd: FRQCD,
      frqdd: FRQDD,
      frqhh: FRQHH,
      frqmi: FRQMI,
      strtdt: STRTDT,
      enddt: ENDDT,
    }
    const saved = await pkgdwprc.createJobSchedule(input as ScheduleInput, problems)
    const what = {
      CREATED: 'was created; enable it to let it run',
      UPDATED: 'has a new version; enable it to let it run',
      UNCHANGED: 'says this already',
    }[saved.status]
    return {
      message: `The schedule of ${String(MAPREF)} ${what}`,
      job_schedule_id: saved.jobschid,
      status: saved.status,
    }
  },
}

const saveDependency: Operation = {
  path: '/save_parent_child_job',
  schema: schemas.dependencyBody,
  names: { parentMapref: 'PARENT_MAP_REFERENCE', childMapref: 'CHILD_MAP_REFERENCE' },
  async run({ pkgdwprc }, fields, problems) {
    const parentMapref = fields.PARENT_MAP_REFERENCE as string
    const childMapref = fields.CHILD_MAP_REFERENCE as string
    await pkgdwprc.createJobDependency({ parentMapref, childMapref }, problems)
    return { message: `${childMapref} runs after each success of ${parentMapref}` }
  },
}

const switchSchedule: Operation = {
  path: '/enable_disable_job',
  schema: schemas.switchBody,
  names: { mapref: 'MAPREF', flag: 'JOB_FLG' },
  async run({ pkgdwprc }, { MAPREF, JOB_FLG }, problems) {
    const input = { mapref: MAPREF, flag: JOB_FLG } as ScheduleSwitch
    await pkgdwprc.enableDisableSchedule(input, problems)
    const state = String(JOB_FLG).trim().toUpperCase() === 'E' ? 'enabled' : 'disabled'
    return { message: `The schedule of ${input.mapref} is ${state}` }
  },
}

const run: Operation = {
  path: '/schedule-job-immediately',
  schema: schemas.runBody,
  names: { truncate: 'truncateLoad' },
  async run({ pkgdwprc }, fields, problems) {
    const { mapref, loadType, startDate, endDate, truncateLoad } = fields
    const kind = isGiven(loadType) ? loadType : 'regular'
    oneOf('loadType', kind, ['regular', 'history'], problems.report)
    const name = typeof mapref === 'string' ? mapref.trim() : ''
    if (problems.list.length === 0 && name !== '' && (await pkgdwprc.isRunning(name))) {
      throw new JobRunning(name)
    }
    const history = { mapref, startDate, endDate, truncate: letterOf(truncateLoad) }
    const requestId =
      kind === 'history'
        ? await pkgdwprc.queueHistoryJob(history as HistoryInput, problems)
        : await pkgdwprc.queueImmediateJob({ mapref } as ImmediateInput, problems)
    return { message: `${name} : the ${String(kind)} run is queued as request ${requestId}` }
  },
}

const stop: Operation = {
  path: '/stop-running-job',
  schema: schemas.stopBody,
  names: { startTime: 'startDate' },
  async run({ pkgdwprc }, { mapref, startDate, force }, problems) {
    const input = { mapref, startTime: startDate, force: letterOf(force) } as StopInput
    const requestId = await pkgdwprc.queueStopRequest(input, problems)
    return { message: `${input.mapref} : the stop is queued as request ${requestId}` }
  },
}

export const OPERATIONS: readonly Operation[] = [
  saveSchedule,
  saveDependency,
  switchSchedule,
  run,
  stop,
]

/** Old screens send Y and N, or true and false. */
function letterOf(value: unknown): unknown {
  return typeof value === 'boolean' ? (value ? 'Y' : 'N') : value
}

/** GET /check_scheduler_queue */
export async function queueSummary({ requests, wallClock }: LegacyAdapter) {
  const { total, counts, stuck, recent } = await requests.summary()
  const shown = (instant: number | null) => (instant === null ? null : wallClock.render(instant))
  return {
    queue_summary: {
      total_requests: total,
      status_counts: counts,
      stuck_jobs_count: stuck,
      recent_process_logs: recent.map((log) => ({
        prcid: log.prcid,
        jobid: log.jobid,
        mapref: log.mapref,
        status: log.status,
        strtdt: shown(log.startedAt),
        enddt: shown(log.endedAt),
        msg: log.message,
      })),
    },
  }
}
