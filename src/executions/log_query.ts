import { integer, MAX_COUNT, object, oneOf, refuseOthers, type Report } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import type { LogStore } from '../storage/contract.ts'
import { LOG_LEVELS, type LogLevel } from '../types/handlers.ts'

/** Which entries of an execution's log are read. */
export interface LogQuery {
  /** Only entries after this one. */
  after?: { attempt: number; seq: number }
  /** Only entries of this level and above. */
  level?: LogLevel
  limit?: number
}

type LogFilter = Parameters<LogStore['read']>[0]

const NAMES = ['after', 'level', 'limit'] as const
const AFTER = 'give the attempt and seq of an entry, such as { attempt: 1, seq: 20 }'

/**
 * Reads the query of a log; null stands for left out.
 *
 * @throws E_INVALID_INPUT with every problem at once
 */
export function readLogQuery(query: unknown): Omit<LogFilter, 'executionId'> {
  const problems = new Problems()
  const { report } = problems
  const given = object('query', query, 'give an object, or leave it out', report)
  refuseOthers('', given, NAMES, report)
  const [after, level, limit] = NAMES.map((name) => given[name] ?? null)
  const read = {
    after: after === null ? undefined : readAfter(after, report),
    levels: level === null ? undefined : readLevel(level, report),
    limit: limit === null ? undefined : integer('limit', limit, { min: 1, max: MAX_COUNT }, report),
  }
  problems.throwAny('The query of a log')
  return read
}

/** A level and all above it. */
function readLevel(level: unknown, report: Report): LogLevel[] {
  const lowest = oneOf('level', level, LOG_LEVELS, report)
  return lowest === undefined ? [] : LOG_LEVELS.slice(LOG_LEVELS.indexOf(lowest))
}

function readAfter(value: unknown, report: Report): { attempt: number; seq: number } {
  const given = object('after', value, AFTER, report)
  refuseOthers('after.', given, ['attempt', 'seq'], report)
  const range = { min: 0, max: MAX_COUNT }
  const part = (name: string) => integer(`after.${name}`, given[name], range, report) ?? 0
  return given === value ? { attempt: part('attempt'), seq: part('seq') } : { attempt: 0, seq: 0 }
}
