import type { Cancelled } from '../../jobs/outcome.ts'
import { failure } from '../engine/failure.ts'
import type { LogicEnd } from '../engine/flow_run.ts'
import { daysBetween, type Day } from './days.ts'
import type { HistoryProgress } from './progress.ts'

/** Failed days that a message names; the result has them all. */
const NAMED = 20
const REMEDY = 'queue the request again under its own id to go on from there'

/** How a load ends whose days were run, all or up to the first that failed. */
export function endOfLoad(progress: HistoryProgress): LogicEnd {
  const { failed, rows } = progress
  if (failed.length > 0) {
    return failure('HISTORY', failed.length === 1 ? oneFailed(progress) : manyFailed(progress))
  }
  const counts = { sourceRows: rows.source, targetRows: rows.target, errorRows: rows.errors }
  return { status: 'PC', counts, error: null }
}

/** How a load ends that was stopped on one of its days. */
export function stoppedLoad(progress: HistoryProgress, day: Day, { reason }: Cancelled): LogicEnd {
  const message = `stopped on day ${day} (${reason}); ${completeDays(progress)}; ${REMEDY}`
  return { ...failure('STOPPED', message), status: 'ST' }
}

function oneFailed(progress: HistoryProgress): string {
  const [{ day, prcid, message }] = progress.failed
  const run = prcid === null ? '' : ` (run ${prcid})`
  return `day ${day}${run} failed: ${message}; ${completeDays(progress)}; ${REMEDY}`
}

function manyFailed(progress: HistoryProgress): string {
  const { failed } = progress
  const named = failed.slice(0, NAMED).map(({ day }) => day)
  const more = failed.length > NAMED ? ` and ${failed.length - NAMED} more` : ''
  return `${failed.length} days failed: ${named.join(', ')}${more}; ${completeDays(progress)}; ${REMEDY}`
}

function completeDays({ complete, first, last }: HistoryProgress): string {
  return `${complete} of ${daysBetween(first, last)} days are complete`
}
