import type { ZoneTable } from './zone_table.ts'

/**
 * What a trigger means, in words that a walk can check minute by minute, with
 * none of the code under test.
 */
export interface Meaning {
  /** Whether a day, counted from 1970-01-01, has slots at all. */
  onDay(day: number): boolean
  /** Whether a minute of such a day has. */
  minutes: Uint8Array
  /** Seconds of each such minute. */
  seconds: number[]
  gap: 'skip' | 'shift' | 'after'
  overlap: 'first' | 'second' | 'both'
  excludedDay(day: number): boolean
  /** A wall clock, ms. */
  excludedTime(wall: number): boolean
  policy: 'skip' | 'next' | 'previous'
  /** Instants, both inclusive. */
  first: number
  last: number
}

const MINUTE = 60_000
const DAY = 86_400_000
const MOST_MOVED = 366

/**
 * The slots between two instants, by a look at every minute that the zone
 * shows or leaves out. The walk must begin and end a few days from a clock change.
 */
export function walkMinutes(meaning: Meaning, zone: ZoneTable, from: number, to: number): number[] {
  const slots = new Set<number>()
  const shown = new Map<number, number[]>()
  const matches = dayFlags(meaning)
  let wall = Number.NaN
  for (let instant = from - 2 * DAY; instant <= to + 2 * DAY; instant += MINUTE) {
    const now = instant + zone.offset(instant)
    leftOut(meaning, { wall, now, instant }, slots)
    wall = now
    if (matches(wall, meaning)) {
      shown.set(wall, [...(shown.get(wall) ?? []), instant])
    }
  }
  for (const instants of shown.values()) {
    for (const instant of chosen(instants, meaning)) {
      meaning.seconds.forEach((second) => slots.add(instant + second * 1000))
    }
  }
  return [...slots].filter((slot) => counts(slot, meaning, zone, from, to)).sort((a, b) => a - b)
}

/** The slots between two instants, day by day: for stretches without a clock change, or few times a day. */
export function walkDays(meaning: Meaning, zone: ZoneTable, from: number, to: number): number[] {
  const slots = new Set<number>()
  const wanted = [...meaning.minutes.keys()].filter((minute) => meaning.minutes[minute])
  const offsets = [...new Set([from, ...zone.changes].map((at) => zone.offset(at)))]
  const matches = dayFlags(meaning)
  for (let day = Math.floor(from / DAY) - 2; day <= to / DAY + 2; day++) {
    for (const minute of wanted) {
      const wall = day * DAY + minute * MINUTE
      if (!matches(wall, meaning)) {
        continue
      }
      const instants = offsets
        .map((offset) => wall - offset)
        .filter((instant) => instant + zone.offset(instant) === wall)
        .sort((a, b) => a - b)
      const change = zone.changes.find(
        (at) => wall >= at + zone.offset(at - 1) && wall < at + zone.offset(at)
      )
      if (instants.length === 0 && change !== undefined) {
        addLeftOut(meaning, { wall, change, before: zone.offset(change - 1) }, slots)
      }
      for (const instant of chosen(instants, meaning)) {
        meaning.seconds.forEach((second) => slots.add(instant + second * 1000))
      }
    }
  }
  return [...slots].filter((slot) => counts(slot, meaning, zone, from, to)).sort((a, b) => a - b)
}

function chosen(instants: number[], { overlap }: Meaning): number[] {
  if (overlap === 'both') {
    return instants
  }
  return overlap === 'first' ? instants.slice(0, 1) : instants.slice(-1)
}

/** The minutes between two neighbours on the clock's face that it never showed. */
function leftOut(
  meaning: Meaning,
  { wall, now, instant }: { wall: number; now: number; instant: number },
  slots: Set<number>
): void {
  const matches = dayFlags(meaning)
  for (let missing = wall + MINUTE; missing < now; missing += MINUTE) {
    if (matches(missing, meaning)) {
      const before = wall - (instant - MINUTE)
      addLeftOut(meaning, { wall: missing, change: instant, before }, slots)
    }
  }
}

function addLeftOut(
  { gap, seconds }: Meaning,
  { wall, change, before }: { wall: number; change: number; before: number },
  slots: Set<number>
): void {
  if (gap === 'after') {
    slots.add(change)
  }
  if (gap === 'shift') {
    seconds.forEach((second) => slots.add(wall - before + second * 1000))
  }
}

const flags = new WeakMap<Meaning, Map<number, boolean>>()

/** Whether a wall clock has a slot, its own or one that was moved there. */
function dayFlags(meaning: Meaning) {
  const known = flags.get(meaning) ?? new Map<number, boolean>()
  flags.set(meaning, known)
  return (wall: number, { minutes, excludedTime }: Meaning): boolean => {
    const day = Math.floor(wall / DAY)
    if (!minutes[(wall - day * DAY) / MINUTE]) {
      return false
    }
    let flag = known.get(day)
    if (flag === undefined) {
      flag = hasSlots(meaning, day)
      known.set(day, flag)
    }
    return flag && !excludedTime(wall)
  }
}

function hasSlots({ onDay, excludedDay, policy }: Meaning, day: number): boolean {
  if (excludedDay(day)) {
    return false
  }
  if (onDay(day) || policy === 'skip') {
    return onDay(day)
  }
  const step = policy === 'next' ? -1 : 1
  for (let distance = 1; distance <= MOST_MOVED; distance++) {
    const source = day + distance * step
    if (!excludedDay(source)) {
      return false
    }
    if (onDay(source)) {
      return true
    }
  }
  return false
}

function counts(slot: number, meaning: Meaning, zone: ZoneTable, from: number, to: number) {
  const wall = slot + zone.offset(slot)
  return (
    slot >= Math.max(from, meaning.first) &&
    slot <= Math.min(to, meaning.last) &&
    !meaning.excludedDay(Math.floor(wall / DAY)) &&
    !meaning.excludedTime(wall)
  )
}
