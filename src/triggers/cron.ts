import cronstrue from 'cronstrue'
import type { CronTrigger } from '../types/triggers.ts'
import { readClockPolicy } from './clock_policy.ts'
import { cronWalls, hasFixedTimes } from './cron_walls.ts'
import { asGiven } from './kind.ts'
import type { FieldForm, TriggerKindDefinition } from './kind.ts'
import { UTC } from './wall_clock.ts'
import { FIXED_TIMES, REAL_TIME } from './zoned_series.ts'
import type { WallSeries } from './zoned_series.ts'

const LONGEST_EXPRESSION = 500
/** Any day will do: the calendar repeats every 400 years. */
const REFERENCE = Date.UTC(2000, 0, 1)

const REMEDY =
  'write five fields (minute hour day month weekday), or six with seconds first, such as "30 6 * * MON-FRI"'

const tidy = (expression: string) => expression.trim().replace(/\s+/g, ' ')

const asTidyText: FieldForm = (value) =>
  typeof value === 'string' ? tidy(value) : asGiven(value, '')

export const cron: TriggerKindDefinition<CronTrigger> = {
  fields: { expression: asTidyText, timezone: asGiven, gap: asGiven, overlap: asGiven },

  read(reader) {
    const text = reader.text('expression', REMEDY)
    const zone = reader.zone('timezone')
    // With a colon in it croner reads one date
    if (text !== null && (text.length > LONGEST_EXPRESSION || text.includes(':'))) {
      reader.problem('expression', REMEDY)
      return null
    }
    if (text === null) {
      return null
    }
    const expression = tidy(text)
    const policy = readClockPolicy(reader, hasFixedTimes(expression) ? FIXED_TIMES : REAL_TIME)
    let walls: WallSeries
    try {
      walls = cronWalls(expression)
      if (walls.next(REFERENCE) === null) {
        reader.never('expression', 'no date matches it, ever; correct the day or the month')
      }
    } catch (error) {
      reader.problem('expression', `${reason(error)}; ${REMEDY}`)
      return null
    }
    return { walls, zone: zone ?? UTC, policy }
  },

  describe({ expression, timezone }) {
    const words = wordsOf(expression)
    return words === null
      ? `cron "${expression}", ${timezone}`
      : `${words}, ${timezone} (cron "${expression}")`
  },
}

/** English words; null for the few forms that croner knows and the describer does not. */
function wordsOf(expression: string): string | null {
  try {
    const words = cronstrue.toString(expression, { use24HourTimeFormat: true })
    return words.charAt(0).toLowerCase() + words.slice(1)
  } catch {
    return null
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error)
}
