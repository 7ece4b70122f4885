import type { ExclusionRules, Exclusions } from '../types/triggers.ts'
import { DAY } from './civil_date.ts'
import type { CompiledTrigger, Series } from './compiled.ts'
import { excludedInstants } from './excluded_instants.ts'
import { excludedWalls } from './excluded_walls.ts'
import { RULE_FIELDS, joinRules, parseRules, tidyRules } from './exclusion_rules.ts'
import type { ParsedRules } from './exclusion_rules.ts'
import { ExclusionSet, MOST_DAYS_MOVED } from './exclusion_set.ts'
import { FieldReader, isObject } from './field_reader.ts'
import type { FieldForm } from './kind.ts'
import { instantOf, wallOf } from './wall_clock.ts'
import type { Zone } from './wall_clock.ts'
import { zonedSeries } from './zoned_series.ts'

/** The rules of a named calendar, or null when there is none of that name. */
export type CalendarResolver = (name: string) => ExclusionRules | null

/** The calendars of a plain map. */
export function calendarsOf(map: Record<string, ExclusionRules> = {}): CalendarResolver {
  return (name) => (Object.hasOwn(map, name) ? map[name] : null)
}

const POLICIES = ['skip', 'next', 'previous'] as const
const FIELDS = ['calendars', ...RULE_FIELDS, 'policy', 'timezone'] as const
const REMEDY = `give an object with ${FIELDS.join(', ')}`

/** What a trigger excludes, read. */
export interface ReadExclusions {
  excluded: ExclusionSet
  policy: (typeof POLICIES)[number]
  /** Null: that of the trigger. */
  zone: Zone | null
}

/** Reads `exclude`; null when it is not given or cannot be read. */
export function readExclusions(
  reader: FieldReader,
  resolve: CalendarResolver
): ReadExclusions | null {
  if (!reader.has('exclude')) {
    return null
  }
  const given = reader.get('exclude')
  if (!isObject(given)) {
    reader.problem('exclude', REMEDY)
    return null
  }
  const nested = new FieldReader(given, 'trigger.exclude')
  nested.refuseOthers(FIELDS)
  const { rules, problems } = parseRules(given, 'trigger.exclude')
  nested.adopt(problems)
  const excluded = new ExclusionSet(joinRules([rules, ...readCalendars(nested, resolve)]))
  if (excluded.everyDay) {
    nested.problem('weekdays', 'no day of the week is left; leave one out')
  }
  const policy = nested.oneOf('policy', POLICIES)
  const zone = nested.has('timezone') ? nested.zone('timezone') : null
  reader.adopt(nested.problems)
  return nested.problems.length > 0 ? null : { excluded, policy, zone }
}

/**
 * Puts the exclusions onto a series, as moved wall clocks where it is one of
 * wall clocks; no slot ever comes at an excluded day or time.
 */
export function applyExclusions(
  series: Series,
  exclusions: ReadExclusions | null,
  reader: FieldReader
): CompiledTrigger {
  if ('walls' in series) {
    const { walls, zone, policy } = series
    if (exclusions === null) {
      return zonedSeries(walls, zone, policy)
    }
    if (exclusions.zone && exclusions.zone.name !== zone.name) {
      problem(reader, 'timezone', 'days and times are those of the trigger; leave the field out')
    }
    const kept = excludedWalls(walls, exclusions.excluded, exclusions.policy)
    return excludedInstants(zonedSeries(kept, zone, policy), exclusions.excluded, zone)
  }
  return exclusions === null ? series : ofInstants(series, exclusions, reader)
}

function ofInstants(
  series: Extract<Series, CompiledTrigger>,
  { excluded, policy, zone }: ReadExclusions,
  reader: FieldReader
): CompiledTrigger {
  if (zone === null) {
    problem(reader, 'timezone', 'this trigger has none of its own; give an IANA zone here')
    return series
  }
  if (series.single === undefined && policy !== 'skip') {
    const remedy = 'an interval is of no day and cannot be moved; write "skip", or use a calendar'
    problem(reader, 'policy', remedy)
  }
  const moved =
    series.single === undefined ? series : movedSlot(series.single, excluded, policy, zone)
  return excludedInstants(moved, excluded, zone)
}

function movedSlot(
  at: number,
  excluded: ExclusionSet,
  policy: ReadExclusions['policy'],
  zone: Zone
): CompiledTrigger {
  const wall = wallOf(at, zone)
  const single = { next: (from: number) => (wall >= from ? wall : null) }
  const lowest = wall - (MOST_DAYS_MOVED + 1) * DAY
  const kept = excludedWalls(single, excluded, policy).next(lowest)
  const slot = kept === null || kept === wall ? at : instantOf(kept, zone)
  return { next: (after) => (kept !== null && slot > after ? slot : null) }
}

function problem(reader: FieldReader, name: string, remedy: string): void {
  const nested = new FieldReader(
    reader.get('exclude') as Record<string, unknown>,
    'trigger.exclude'
  )
  nested.problem(name, remedy)
  reader.adopt(nested.problems)
}

function readCalendars(nested: FieldReader, resolve: CalendarResolver): ParsedRules[] {
  if (!nested.has('calendars')) {
    return []
  }
  const names = nested.get('calendars')
  if (!Array.isArray(names) || names.length === 0) {
    nested.problem('calendars', 'give a list of names of calendars in config/almanac.ts')
    return []
  }
  return names.flatMap((name, index) => {
    const rules = typeof name === 'string' ? resolve(name) : null
    if (rules === null) {
      const message =
        'no calendar has this name; add it under "calendars" in config/almanac.ts, or correct it'
      const field = `trigger.exclude.calendars[${index}]`
      nested.adopt([{ field, value: String(name), message }])
      return []
    }
    return [parseRules({ ...rules }, 'calendar').rules]
  })
}

/** The stored form: one order of fields. */
export const asExclusions: FieldForm = (value) => {
  if (!isObject(value)) {
    return value ?? undefined
  }
  const { calendars, policy, timezone } = value as Exclusions
  return {
    ...(calendars ? { calendars } : {}),
    ...tidyRules(value),
    ...(policy && policy !== 'skip' ? { policy } : {}),
    ...(timezone ? { timezone } : {}),
  }
}
