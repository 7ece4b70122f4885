import { Cron } from 'croner'
import type { CronTrigger } from '../types/triggers.ts'
import { LruCache } from './lru_cache.ts'
import { asGiven } from './kind.ts'
import type { FieldForm, TriggerKindDefinition } from './kind.ts'

/**
 * Parsed expressions of this process, shared by all triggers that write the
 * same. Bounded tightly: croner keeps a table of 10,000 years in each (80 KB).
 */
const parsed = new LruCache<Cron>(256)

const LONGEST_EXPRESSION = 500
/** Any day will do: the calendar repeats every 400 years, and croner looks on to the year 2999. */
const REFERENCE = new Date('2000-01-01T00:00:00Z')

const REMEDY =
  'write five fields (minute hour day month weekday), or six with seconds first, such as "30 6 * * MON-FRI"'

function parse(expression: string, timezone: string): Cron {
  return parsed.get(
    `${timezone} ${expression}`,
    // Lists and ranges of hours are fixed times too, as in Vixie cron: each runs once on a day
    // whose clocks change. Only `*` and steps follow real time
    () =>
      new Cron(expression, {
        timezone,
        mode: '5-or-6-parts',
        fixedTimeRule: 'no-wildcard',
        paused: true,
      })
  )
}

const tidy = (expression: string) => expression.trim().replace(/\s+/g, ' ')

const asTidyText: FieldForm = (value) =>
  typeof value === 'string' ? tidy(value) : asGiven(value, '')

export const cron: TriggerKindDefinition<CronTrigger> = {
  fields: { expression: asTidyText, timezone: asGiven },

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
    const timezone = zone?.name ?? 'UTC'
    try {
      if (!parse(expression, timezone).nextRun(REFERENCE)) {
        reader.never('expression', 'no date matches it, ever; correct the day or the month')
      }
    } catch (error) {
      reader.problem('expression', `${reason(error)}; ${REMEDY}`)
      return null
    }
    return {
      // Asked for anew: the parsed form may have left the cache
      next: (after) => parse(expression, timezone).nextRun(new Date(after))?.getTime() ?? null,
    }
  },

  describe: ({ expression, timezone }) => `cron "${expression}" (${timezone})`,
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error)
}
