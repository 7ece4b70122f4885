import { test } from '@japa/runner'
import { compileTrigger, normalizeTrigger, validateTrigger } from '../../src/triggers/main.ts'
import type { CompiledTrigger } from '../../src/triggers/main.ts'
import { Random } from './support/random.ts'
import { randomCase } from './support/random_triggers.ts'
import type { Case } from './support/random_triggers.ts'
import { printFigures, scaled } from './support/scale.ts'
import { walkDays, walkMinutes } from './support/slot_walk.ts'
import { zoneTable } from './support/zone_table.ts'
import type { ZoneTable } from './support/zone_table.ts'

/** Odd clock changes of every sort, and some zones without any. */
const ZONES = [
  'Australia/Lord_Howe',
  'Pacific/Chatham',
  'America/Havana',
  'Africa/Casablanca',
  'Africa/El_Aaiun',
  'Pacific/Apia',
  'Pacific/Fakaofo',
  'Europe/Dublin',
  'Europe/Berlin',
  'Europe/London',
  'Europe/Lisbon',
  'Europe/Istanbul',
  'Europe/Moscow',
  'Europe/Chisinau',
  'Atlantic/Azores',
  'America/New_York',
  'America/Chicago',
  'America/Los_Angeles',
  'America/St_Johns',
  'America/Halifax',
  'America/Asuncion',
  'America/Santiago',
  'America/Sao_Paulo',
  'America/Nuuk',
  'America/Scoresbysund',
  'America/Miquelon',
  'America/Port-au-Prince',
  'America/Mexico_City',
  'Pacific/Easter',
  'Pacific/Norfolk',
  'Pacific/Auckland',
  'Pacific/Kiritimati',
  'Australia/Sydney',
  'Australia/Adelaide',
  'Australia/Eucla',
  'Antarctica/Troll',
  'Antarctica/Macquarie',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Beirut',
  'Asia/Jerusalem',
  'Asia/Gaza',
  'Asia/Tehran',
  'Africa/Cairo',
  'Asia/Tokyo',
  'UTC',
]

const HOUR = 3_600_000
const DAY = 24 * HOUR
const FIXED_SEED = 20_260_301
const MOST_SLOTS = 400

/** Within the tables of the zones, and far enough from their ends. */
const LOOKED_AT = [
  [Date.UTC(2011, 0, 1), Date.UTC(2012, 11, 1)],
  [Date.UTC(2023, 0, 1), Date.UTC(2030, 0, 1)],
]

interface Window {
  zone: ZoneTable
  around: number
  from: number
  to: number
  walk: typeof walkMinutes
}

/** Three days around a clock change, minute by minute, or half a year day by day. */
function windowOf(random: Random, zone: ZoneTable): Window {
  const late = Date.UTC(2025, 0, 1) + random.below(4 * 365) * DAY
  const changes = zone.changes.filter((at) => LOOKED_AT.some(([from, to]) => at > from && at < to))
  const near = changes.length > 0 && random.below(4) > 0
  const around = near ? random.of(changes) : late
  return near
    ? { zone, around, from: around - 3 * DAY, to: around + 3 * DAY, walk: walkMinutes }
    : { zone, around, from: around - 30 * DAY, to: around + 150 * DAY, walk: walkDays }
}

function hoursAround({ zone, around }: Window): number[] {
  const hours = [-2, -1, 0, 1, 2].map((n) => {
    const wall = around + n * HOUR + zone.offset(around + n * HOUR)
    return Math.floor(wall / HOUR) % 24
  })
  return [...new Set(hours)].sort((a, b) => a - b)
}

function expectedOf({ meaning, steps }: Case, { zone, from, to, walk }: Window): number[] {
  if (!steps) {
    return walk(meaning, zone, from, to)
  }
  const slots = []
  const { every, anchor } = steps
  for (let slot = anchor + Math.ceil((from - anchor) / every) * every; slot <= to; slot += every) {
    const wall = slot + zone.offset(slot)
    const excluded = meaning.excludedDay(Math.floor(wall / DAY)) || meaning.excludedTime(wall)
    if (slot >= meaning.first && slot <= meaning.last && !excluded) {
      slots.push(slot)
    }
  }
  return slots
}

function collect(series: CompiledTrigger, from: number, to: number): number[] {
  const slots: number[] = []
  let slot = series.next(from - 1)
  while (slot !== null && slot <= to && slots.length < MOST_SLOTS) {
    slots.push(slot)
    const next = series.next(slot)
    if (next !== null && next <= slot) {
      throw new Error(`${next} does not lie after ${slot}`)
    }
    slot = next
  }
  return slots
}

/** Asked from instants between the slots, each gives the first slot after it. */
function misstep(series: CompiledTrigger, slots: number[], random: Random): string | null {
  for (let round = 0; round < 5 && slots.length > 1; round++) {
    const index = random.below(slots.length - 1)
    const after = slots[index] + random.below(slots[index + 1] - slots[index])
    const found = series.next(after)
    if (found !== slots[index + 1]) {
      return `after ${new Date(after).toISOString()}: ${found} in place of ${slots[index + 1]}`
    }
  }
  return null
}

const iso = (slots: number[]) => slots.map((slot) => new Date(slot).toISOString())

/** What of a random trigger may leave no slot at all, which is refused: the walk must find none then. */
const MAY_NEVER_FIRE = /\.(exclude|exclude\.weekdays|monthDays|nthWeekdays|expression|endsAt)$/

/** What is wrong with one random trigger, or null. */
function fault(
  random: Random,
  zone: ZoneTable
): { fault: string | null; kind: string; slots: number } {
  const window = windowOf(random, zone)
  const place = { zone, around: window.around, hours: hoursAround(window) }
  const made = randomCase(random, place)
  const { trigger } = made
  const problems = validateTrigger(trigger)
  const told = JSON.stringify(trigger)
  if (problems.some(({ field }) => !MAY_NEVER_FIRE.test(field))) {
    return {
      fault: `${told} is refused: ${JSON.stringify(problems)}`,
      kind: trigger.kind,
      slots: 0,
    }
  }
  const expected = expectedOf(made, window)
  if (problems.length > 0) {
    const silent = expected.length === 0 ? null : `${told} is refused: ${JSON.stringify(problems)}`
    return { fault: silent, kind: trigger.kind, slots: 0 }
  }
  const series = compileTrigger(trigger)
  const slots = collect(series, window.from, window.to)
  const wanted = expected.slice(0, MOST_SLOTS)
  const again = compileTrigger(JSON.parse(JSON.stringify(normalizeTrigger(trigger))))
  const difference =
    slots.join() === wanted.join()
      ? misstep(again, slots, random)
      : `gives ${iso(slots.filter((slot) => !wanted.includes(slot))).slice(0, 5)}, lacks ${iso(wanted.filter((slot) => !slots.includes(slot))).slice(0, 5)}`
  const where = `${zone.name} from ${new Date(window.from).toISOString()}`
  return {
    fault: difference && `${told} in ${where} ${difference}`,
    kind: trigger.kind,
    slots: slots.length,
  }
}

test.group('Triggers | fuzz', () => {
  const tables = new Map<string, ZoneTable>()
  const tableOf = (name: string) => {
    const table = tables.get(name) ?? zoneTable(name)
    tables.set(name, table)
    return table
  }
  const seeds = {
    fixed: FIXED_SEED,
    random: Number(process.env.ALMANAC_SEED ?? Date.now() % 2 ** 31),
  }

  for (const [name, seed] of Object.entries(seeds)) {
    test(`every slot and no other, as a walk finds them: ${name} seed`, ({ assert }) => {
      const count = scaled(25_000)
      const random = new Random(seed)
      const faults: string[] = []
      const kinds: Record<string, number> = {}
      let slots = 0
      for (let round = 0; round < count && faults.length < 10; round++) {
        const result = fault(random, tableOf(ZONES[round % ZONES.length]))
        kinds[result.kind] = (kinds[result.kind] ?? 0) + 1
        slots += result.slots
        if (result.fault) {
          faults.push(result.fault)
        }
      }
      printFigures(`Fuzz of triggers, seed ${seed} (ALMANAC_SEED)`, {
        triggers: count,
        zones: ZONES.length,
        slots,
        ...kinds,
      })
      assert.deepEqual(faults, [])
      assert.isAtLeast(slots, count)
    })
  }
})
