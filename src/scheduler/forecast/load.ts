import { concurrencyKeyOf } from '../../loop/slot_execution.ts'
import { formatWall, HOUR, modulo } from '../../triggers/civil_date.ts'
import { wallOf, type Zone } from '../../triggers/wall_clock.ts'
import type { EventRecord } from '../../types/events.ts'
import type { AheadSlot } from './runs.ts'

/** A run that is to be expected. Instants are epoch ms (UTC). */
export interface ForecastRun {
  at: number
  /** When it may begin: later than its slot by the jitter of its trigger. */
  availableAt: number
  eventId: string
  name: string
  handler: string
  /** Its event is paused: it does not run unless the event is resumed before. It counts in no load. */
  paused: boolean
  /** Mean of the last two weeks, of the event or else of its handler, ms; null when nothing has run yet. */
  duration: number | null
  /** What the run before it, still going by then, makes of it. */
  overlap: 'waits' | 'missed' | null
}

/** One hour of the clocks of the zone. */
export interface ForecastHour {
  /** Its first instant in the window. */
  at: number
  /** Wall clock of the zone, `yyyy-MM-ddTHH:mm`. */
  local: string
  runs: number
  /** Slots of paused events. */
  paused: number
  /** Work that is expected to go on in this hour: the sum over all runs, ms. */
  work: number
  /** The most runs at once. */
  peak: number
}

/** A stretch in which more runs go on than fit. */
export interface ForecastPeak {
  from: number
  to: number
  peak: number
}

/** A run with the time that it is expected to take. */
interface Stretch {
  begin: number
  end: number
}

/**
 * What runs do to each other: those of one key go one after the other, and of
 * one event one waits at most (none, where its overlap says `skip`); the
 * others are missed.
 */
export function expectRuns(
  slots: AheadSlot[],
  durationOf: (slot: AheadSlot) => number | null
): { runs: ForecastRun[]; stretches: Stretch[] } {
  const ofKeys = new Map<string, Stretch>()
  const ofEvents = new Map<string, Stretch>()
  const stretches: Stretch[] = []
  const inTurn = slots.toSorted((a, b) => a.availableAt - b.availableAt)
  const runs = inTurn.map((slot): ForecastRun => {
    const { event, at, availableAt } = slot
    const { id: eventId, name, handler } = event
    const duration = durationOf(slot)
    const paused = event.status === 'paused'
    const run = { at, availableAt, eventId, name, handler, paused, duration }
    if (paused || !hasPlace(event, at, ofEvents.get(eventId))) {
      return { ...run, overlap: paused ? null : 'missed' }
    }
    const key = concurrencyKeyOf(event)
    const free = key === null ? at : (ofKeys.get(key)?.end ?? at)
    const begin = Math.max(availableAt, free)
    const stretch = { begin, end: begin + (duration ?? 0) }
    stretches.push(stretch)
    ofEvents.set(eventId, stretch)
    if (key !== null) {
      ofKeys.set(key, stretch)
    }
    return { ...run, overlap: begin > availableAt ? 'waits' : null }
  })
  return { runs: runs.sort((a, b) => a.at - b.at), stretches }
}

/** Whether a slot finds a place beside the run of its event before it. */
function hasPlace({ overlap }: EventRecord, at: number, before: Stretch | undefined): boolean {
  if (!before || overlap === 'allow') {
    return true
  }
  return (overlap === 'skip' ? before.end : before.begin) <= at
}

/** The load of each hour of the window that has any. */
export function hourlyLoad(
  { runs, stretches }: ReturnType<typeof expectRuns>,
  { from, to, zone }: { from: number; to: number; zone: Zone }
): ForecastHour[] {
  const hours = new Map<number, ForecastHour>()
  const hourAt = (instant: number): ForecastHour => {
    const wall = wallOf(instant, zone)
    const past = modulo(wall, HOUR)
    const at = Math.max(from, instant - past)
    const known = hours.get(at)
    if (known) {
      return known
    }
    const local = formatWall(wall - past).slice(0, 16)
    const hour = { at, local, runs: 0, paused: 0, work: 0, peak: 0 }
    hours.set(at, hour)
    return hour
  }
  for (const { at, paused, overlap } of runs) {
    hourAt(at)[paused ? 'paused' : 'runs'] += overlap === 'missed' ? 0 : 1
  }
  for (const level of levels(stretches, to)) {
    for (let at = level.from; at < level.to;) {
      const hour = hourAt(at)
      const end = Math.min(level.to, at - modulo(wallOf(at, zone), HOUR) + HOUR)
      hour.work += level.count * (end - at)
      hour.peak = Math.max(hour.peak, level.count)
      at = end
    }
  }
  return [...hours.values()].sort((a, b) => a.at - b.at)
}

/** Where more runs go on at once than `most`. */
export function peaksOver(stretches: Stretch[], to: number, most: number): ForecastPeak[] {
  const peaks: ForecastPeak[] = []
  for (const level of levels(stretches, to)) {
    const open = peaks.at(-1)
    if (level.count <= most) {
      continue
    }
    if (open?.to === level.from) {
      open.to = level.to
      open.peak = Math.max(open.peak, level.count)
    } else {
      peaks.push({ from: level.from, to: level.to, peak: level.count })
    }
  }
  return peaks
}

/** How many runs go on from instant to instant, up to the end of the window. */
function* levels(
  stretches: Stretch[],
  to: number
): Generator<{ from: number; to: number; count: number }> {
  const steps = new Map<number, number>()
  const add = (at: number, change: number) => steps.set(at, (steps.get(at) ?? 0) + change)
  for (const { begin, end } of stretches) {
    if (begin < to && end > begin) {
      add(begin, 1)
      add(Math.min(end, to), -1)
    }
  }
  const instants = [...steps.keys()].sort((a, b) => a - b)
  let count = 0
  for (const [place, at] of instants.entries()) {
    count += steps.get(at)!
    if (count > 0) {
      yield { from: at, to: instants[place + 1], count }
    }
  }
}
