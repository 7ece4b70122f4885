import type { IntervalTrigger } from '../types/triggers.ts'
import { DAY, HOUR, MINUTE, SECOND } from './civil_date.ts'
import type { CompiledTrigger } from './compiled.ts'
import { asIso, asMilliseconds } from './kind.ts'
import type { TriggerKindDefinition } from './kind.ts'

const SHORTEST = SECOND
const LONGEST = 3_660_000 * DAY

const REMEDY = 'give at least 1 s, as milliseconds or a text such as "15s", "5m", "1h30m"'

/**
 * Every `every` ms of real time. The anchor sets the phase alone: slots lie
 * before it too, unless a bound cuts them off.
 */
export function intervalSeries(every: number, anchor: number): CompiledTrigger {
  return { next: (after) => anchor + (Math.floor((after - anchor) / every) + 1) * every }
}

export const interval: TriggerKindDefinition<IntervalTrigger> = {
  fields: { every: asMilliseconds, anchor: asIso },

  read(reader, bounds) {
    reader.required('every', REMEDY)
    const every = reader.duration('every')
    const anchor = reader.instant('anchor') ?? bounds.startsAt ?? 0
    if (every === null) {
      return null
    }
    if (every < SHORTEST || every > LONGEST) {
      reader.problem('every', REMEDY)
    }
    return intervalSeries(every, anchor)
  },

  describe({ every, anchor }) {
    const text = `every ${durationText(Number(every))}`
    return anchor ? `${text}, counted from ${String(anchor)}` : text
  },
}

/** A duration as people write it: `1h30m`. */
export function durationText(ms: number): string {
  const units = { d: DAY, h: HOUR, m: MINUTE, s: SECOND, ms: 1 }
  let rest = ms
  let text = ''
  for (const [unit, length] of Object.entries(units)) {
    const amount = Math.floor(rest / length)
    rest -= amount * length
    text += amount > 0 ? `${amount}${unit}` : ''
  }
  return text
}
