import { hashKey } from '../../keys.ts'
import type { Row } from './work.ts'

/** The columns of an event that hold JSON. */
const JSON_COLUMNS = ['payload', 'meta', 'tags', 'trigger_def', 'misfire']

/**
 * A row of almanac_events in which other hands left texts that are no JSON.
 *
 * @returns the row without them, what is wrong with it, and a hash of it as it is
 */
export function unreadable(row: Row): { readable: Row; problem: string; found: string } {
  const readable = { ...row }
  const problems: string[] = []
  for (const column of JSON_COLUMNS) {
    try {
      JSON.parse((row[column] as string | null) ?? 'null')
    } catch (error) {
      readable[column] = null
      problems.push(`column ${column} is not JSON: ${(error as Error).message}`)
    }
  }
  const texts = JSON_COLUMNS.map((column) => row[column])
  const found = hashKey(JSON.stringify([row.name, row.handler, row.status, ...texts]))
  return { readable, problem: problems.join('; '), found }
}
