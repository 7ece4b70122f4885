import { readFileSync } from 'node:fs'
import { HOUR, MINUTE, modulo } from '../../src/triggers/civil_date.ts'
import type { CompiledTrigger } from '../../src/triggers/compile.ts'
import { wallOf, zoneOf } from '../../src/triggers/wall_clock.ts'

/** Zones with odd clock changes, and one without any. */
export const ZONES = [
  'Australia/Lord_Howe',
  'Pacific/Chatham',
  'America/Havana',
  'America/New_York',
  'Europe/Berlin',
  'Asia/Kolkata',
  'America/St_Johns',
  'Africa/Casablanca',
]

export function readVectors<Vector>(name: string): Vector[] {
  const url = new URL(`../fixtures/vectors/${name}.jsonl`, import.meta.url)
  const lines = readFileSync(url, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Vector)
}

/** A generator of numbers in [0, 1) that repeats for the same seed. */
export function seeded(seed: number) {
  let state = seed
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (min: number, max: number) => min + Math.floor(random() * (max - min + 1))
  const pick = <Item>(items: readonly Item[]): Item => items[integer(0, items.length - 1)]
  const some = (count: number, min: number, max: number) =>
    [...new Set(Array.from({ length: count }, () => integer(min, max)))].sort((a, b) => a - b)
  return { random, integer, pick, some }
}

/** Every minute of a stretch of time with the wall clock that a zone shows. */
export interface Grid {
  zone: string
  from: number
  to: number
  minutes: { instant: number; wall: number }[]
}

export function grid(zone: string, from: number, to: number): Grid {
  const clock = zoneOf(zone)
  const minutes = []
  for (let instant = from; instant <= to; instant += MINUTE) {
    minutes.push({ instant, wall: wallOf(instant, clock) })
  }
  return { zone, from, to, minutes }
}

/** The clock changes of a zone in a year, found by looking at every quarter of an hour. */
export function transitions(zone: string, year: number): number[] {
  const clock = zoneOf(zone)
  const found = []
  const end = Date.UTC(year + 1, 0, 1)
  let before = clock.offset(Date.UTC(year, 0, 1))
  for (let instant = Date.UTC(year, 0, 1); instant < end; instant += 15 * MINUTE) {
    const offset = clock.offset(instant)
    if (offset !== before) {
      found.push(instant)
    }
    before = offset
  }
  return found
}

/** The hours that a zone shows around an instant, ascending. */
export function hoursAround(instant: number, zone: string): number[] {
  const clock = zoneOf(zone)
  const hours = [-2, -1, 0, 1].map((n) => {
    const wall = wallOf(instant + n * HOUR, clock)
    return [modulo(Math.floor(wall / HOUR), 24), modulo(Math.floor(wall / HOUR) + 1, 24)]
  })
  return [...new Set(hours.flat())].sort((a, b) => a - b)
}

/**
 * The slots on a grid by brute force. Fixed times: each wall clock once, the
 * first time it is shown, or the first instant after the gap that leaves it
 * out. Real time: each minute whose wall clock matches.
 */
export function bruteForce(
  { minutes }: Grid,
  matches: (wall: number) => boolean,
  policy: 'fixed' | 'real time'
): number[] {
  if (policy === 'real time') {
    return minutes.filter(({ wall }) => matches(wall)).map(({ instant }) => instant)
  }
  const slots = new Set<number>()
  let highest = minutes[0].wall - MINUTE
  for (const { instant, wall } of minutes) {
    for (let shown = highest + MINUTE; shown <= wall; shown += MINUTE) {
      if (matches(shown)) {
        slots.add(instant)
      }
    }
    highest = Math.max(highest, wall)
  }
  return [...slots]
}

/** The slots in [from, to], each of which must lie after the one before. */
export function collect(trigger: CompiledTrigger, from: number, to: number): number[] {
  const slots: number[] = []
  let slot = trigger.next(from - 1)
  while (slot !== null && slot <= to) {
    if (slots.length > 0 && slot <= slots[slots.length - 1]) {
      throw new Error(`${slot} does not lie after ${slots[slots.length - 1]}`)
    }
    slots.push(slot)
    slot = trigger.next(slot)
  }
  return slots
}

export function iso(instants: (number | Date)[]): string[] {
  return instants.map((instant) => new Date(instant).toISOString())
}
