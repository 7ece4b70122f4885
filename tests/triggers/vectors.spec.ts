import { test } from '@japa/runner'
import { frequencyTrigger } from '../../src/legacy/main.ts'
import type { FrequencyOptions, FrequencyRow } from '../../src/legacy/main.ts'
import { preview } from '../../src/triggers/main.ts'
import type { FrequencyDialect, Trigger } from '../../src/types/triggers.ts'
import { iso, readVectors } from './support.ts'

interface FrequencyVector {
  id: string
  dialect: FrequencyDialect
  row: FrequencyRow & { strtdt: string; frqmi: number }
  timezone: string
  from: string
  expected: string[]
  variants?: Record<string, string[]>
}

interface CronVector {
  id: string
  expr: string
  timezone: string
  after: string
  expected: string[]
  status: string
  dissent?: Record<string, string[]>
}

const frequencies = readVectors<FrequencyVector>('frequency')
const crons = readVectors<CronVector>('cron')

/** What a series of vectors is called, and the options that say the same. */
interface Reading {
  dialect: FrequencyDialect
  /** Null: the `expected` of the vector. */
  variant: string | null
  options: Omit<FrequencyOptions, 'timezone'>
  count: number
}

const DBMS: Omit<FrequencyOptions, 'timezone'> = { dialect: 'dbms_scheduler' }
const APS: Omit<FrequencyOptions, 'timezone'> = { dialect: 'apscheduler' }

const READINGS: Reading[] = [
  { dialect: 'dbms_scheduler', variant: null, options: DBMS, count: 162 },
  { dialect: 'dbms_scheduler', variant: 'gap-skip', options: { ...DBMS, gap: 'skip' }, count: 10 },
  { dialect: 'dbms_scheduler', variant: 'gap-shift', options: { ...DBMS, gap: 'shift' }, count: 6 },
  {
    dialect: 'dbms_scheduler',
    variant: 'overlap-both',
    options: { ...DBMS, overlap: 'both' },
    count: 8,
  },
  {
    dialect: 'dbms_scheduler',
    variant: 'overlap-second',
    options: { ...DBMS, overlap: 'second' },
    count: 8,
  },
  // No row of these has seconds: the standard dialect is the same series
  { dialect: 'dbms_scheduler', variant: 'yearly-in-start-month', options: {}, count: 20 },
  { dialect: 'apscheduler', variant: 'dst-correct-cron', options: APS, count: 9 },
  {
    dialect: 'apscheduler',
    variant: 'apscheduler-3.11.2',
    options: { ...APS, overlap: 'both' },
    count: 8,
  },
]

const texts = (instants: string[]) => iso(instants.map((text) => Date.parse(text)))

/** More slots than expected are asked for: a series that should have ended must have. */
function slotsOf(vector: FrequencyVector, options: Omit<FrequencyOptions, 'timezone'>): string[] {
  const { row, timezone, from } = vector
  return iso(preview(frequencyTrigger(row, { timezone, ...options }), { from, count: 12 }))
}

/** The ids of those that fire otherwise, with both lists. */
function failuresOf(
  vectors: FrequencyVector[],
  expectedOf: (vector: FrequencyVector) => string[],
  options: Omit<FrequencyOptions, 'timezone'>
) {
  return vectors.flatMap((vector) => {
    const expected = texts(expectedOf(vector))
    const slots = slotsOf(vector, options)
    return slots.join() === expected.join() ? [] : [{ id: vector.id, expected, slots }]
  })
}

function tell(name: string, count: number): void {
  console.log(`    ${String(count).padStart(4)} vectors: ${name}`)
}

test.group('Vectors | frequency codes', () => {
  for (const { dialect, variant, options, count } of READINGS) {
    test(`${dialect}, ${variant ?? 'as expected'}`, ({ assert }) => {
      const vectors = frequencies.filter(
        (vector) => vector.dialect === dialect && (variant === null || vector.variants?.[variant])
      )
      const expectedOf = ({ expected, variants }: FrequencyVector) =>
        variant === null ? expected : (variants?.[variant] ?? [])

      assert.lengthOf(vectors, count)
      assert.deepEqual(failuresOf(vectors, expectedOf, options), [])
      tell(`${dialect}, ${variant ?? 'as expected'}`, count)
    })
  }

  test('apscheduler, without its lost runs where a vector has such', ({ assert }) => {
    const vectors = frequencies.filter(({ dialect }) => dialect === 'apscheduler')
    const expectedOf = ({ expected, variants }: FrequencyVector) =>
      variants?.['dst-correct-cron'] ?? expected

    assert.lengthOf(vectors, 193)
    assert.deepEqual(failuresOf(vectors, expectedOf, APS), [])
    tell('apscheduler, as expected (or dst-correct-cron)', vectors.length)
  })

  test('standard: rows of the package, seconds dropped, YR in its month', ({ assert }) => {
    const vectors = frequencies.filter(({ dialect }) => dialect === 'dbms_scheduler')
    const expectedOf = ({ row, expected, variants }: FrequencyVector) => {
      const seconds = Number(row.strtdt.slice(-2)) * 1000
      const series = variants?.['yearly-in-start-month'] ?? expected
      return series.map((text) => new Date(Date.parse(text) - seconds).toISOString())
    }

    assert.lengthOf(vectors, 162)
    assert.deepEqual(failuresOf(vectors, expectedOf, {}), [])
    tell('standard, as expected', vectors.length)
  })

  test('dbms_scheduler, absolute-60min: an interval from the first slot of the row', ({
    assert,
  }) => {
    const vectors = frequencies.filter(({ variants }) => variants?.['absolute-60min'])

    assert.lengthOf(vectors, 1)
    for (const { row, timezone, from, variants } of vectors) {
      const [anchor] = preview(frequencyTrigger(row, { timezone, ...DBMS }), { from: 0, count: 1 })
      const hourly: Trigger = { kind: 'interval', every: '1h', anchor, startsAt: anchor }
      const expected = variants?.['absolute-60min'] ?? []
      assert.deepEqual(iso(preview(hourly, { from, count: 12 })), texts(expected))
    }
    tell('dbms_scheduler, absolute-60min', vectors.length)
  })
})

test.group('Vectors | cron', () => {
  test('every expression', ({ assert }) => {
    const failures = crons.filter(({ expr, timezone, after, expected }) => {
      const trigger: Trigger = { kind: 'cron', expression: expr, timezone }
      const slots = preview(trigger, { after, count: expected.length })
      return iso(slots).join() !== texts(expected).join()
    })

    assert.lengthOf(crons, 127)
    assert.deepEqual(
      failures.map(({ id }) => id),
      []
    )
    for (const status of ['unanimous', 'dst-policy']) {
      tell(`cron, ${status}`, crons.filter((vector) => vector.status === status).length)
    }
  })
})

test.group('Vectors | fixtures', () => {
  test('every variant of the file is read by some test', ({ assert }) => {
    const known = new Set([...READINGS.map(({ variant }) => variant), 'absolute-60min'])
    const names = new Set(frequencies.flatMap(({ variants }) => Object.keys(variants ?? {})))
    assert.deepEqual(
      [...names].filter((name) => !known.has(name)),
      []
    )
    assert.lengthOf(frequencies, 355)
  })
})
