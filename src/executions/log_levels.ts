import { oneOf } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { LOG_LEVELS, type LogLevel } from '../types/handlers.ts'

/**
 * A level and all above it.
 *
 * @throws E_INVALID_INPUT on a level that is none
 */
export function levelsFrom(level: LogLevel): LogLevel[] {
  const problems = new Problems()
  oneOf('level', level, LOG_LEVELS, problems.report)
  problems.throwAny('The query of a log')
  return LOG_LEVELS.slice(LOG_LEVELS.indexOf(level))
}
