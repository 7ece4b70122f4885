import type { ExclusionRules, Exclusions, Trigger } from '../types/triggers.ts'
import { listed, weekdayWords } from './calendar_words.ts'
import { clockPolicyWords } from './clock_policy.ts'
import { durationText } from './interval.ts'

const MOST_LISTED = 5

/** What every kind of trigger may carry, in words that follow those of its kind. */
export function sharedWords(trigger: Trigger): string {
  const { startsAt, endsAt, exclude, jitter } = trigger
  const clock = 'gap' in trigger || 'overlap' in trigger ? clockPolicyWords(trigger) : []
  const parts = [
    ...(startsAt ? [`not before ${String(startsAt)}`] : []),
    ...(endsAt ? [`not after ${String(endsAt)}`] : []),
    ...(exclude ? exclusionWords(exclude) : []),
    ...clock,
    ...(jitter ? [`up to ${durationText(Number(jitter))} late at random`] : []),
  ]
  return parts.map((part) => `, ${part}`).join('')
}

function exclusionWords(exclude: Exclusions): string[] {
  const { calendars, timezone, policy = 'skip' } = exclude
  const named = calendars
    ? [`the calendar${calendars.length > 1 ? 's' : ''} ${listed(calendars)}`]
    : []
  const what = listed([...named, ...ruleWords(exclude)])
  const zone = timezone ? ` (${timezone})` : ''
  const moved = policy === 'skip' ? [] : [`moved to the ${policy} allowed day`]
  return [`except ${what}${zone}`, ...moved]
}

function ruleWords({ dates, ranges, weekdays, times }: ExclusionRules): string[] {
  const spans = (ranges ?? []).map(({ from, to }) => `${from} to ${to}`)
  const hours = (times ?? []).map(({ from, to, weekdays: on }) =>
    on ? `${from} to ${to} on ${weekdayWords(on)}` : `${from} to ${to}`
  )
  return [
    ...(weekdays ? [weekdayWords(weekdays)] : []),
    ...shortened(dates ?? [], 'dates'),
    ...shortened(spans, 'ranges'),
    ...shortened(hours, 'times'),
  ]
}

/** A long list by its number alone. */
function shortened(items: string[], name: string): string[] {
  return items.length > MOST_LISTED ? [`${items.length} ${name}`] : items
}
