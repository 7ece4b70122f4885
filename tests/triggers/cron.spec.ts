import { test } from '@japa/runner'
import { civilDate, DAY, HOUR, MINUTE, weekdayOf } from '../../src/triggers/civil_date.ts'
import {
  compileTrigger,
  nextSlot,
  normalizeTrigger,
  preview,
  validateTrigger,
} from '../../src/triggers/main.ts'
import type { CronTrigger } from '../../src/types/triggers.ts'
import {
  ZONES,
  bruteForce,
  collect,
  grid,
  hoursAround,
  iso,
  seeded,
  transitions,
} from './support.ts'

const cron = (expression: string, timezone = 'UTC'): CronTrigger => ({
  kind: 'cron',
  expression,
  timezone,
})

/** A random expression, more often than not in the hours of a clock change, and its wall clocks. */
function randomCron({ pick, some, integer }: ReturnType<typeof seeded>, hours: number[]) {
  const field = (max: number, kinds: string[]) => {
    const kind = pick(kinds)
    const step = integer(2, 20)
    const low = integer(0, max - 1)
    const high = integer(low, max)
    const every = Array.from({ length: max + 1 }, (_, n) => n)
    switch (kind) {
      case '*':
        return { text: '*', values: every, wild: true }
      case '*/n':
        return { text: `*/${step}`, values: every.filter((n) => n % step === 0), wild: true }
      case 'a-b':
        return { text: `${low}-${high}`, values: every.slice(low, high + 1), wild: false }
      default: {
        const near = kind === 'near' ? hours.filter(() => integer(0, 1)) : []
        const values = near.length > 0 ? near : some(integer(1, 3), 0, max)
        return { text: values.join(), values, wild: false }
      }
    }
  }
  const minute = field(59, ['*/n', 'list', 'list', 'a-b'])
  const hour = field(23, ['*', '*/n', 'near', 'near', 'near', 'list', 'a-b'])
  const weekday = pick([{ text: '*', values: [0, 1, 2, 3, 4, 5, 6] }, field(6, ['list', 'a-b'])])
  return {
    expression: `${minute.text} ${hour.text} * * ${weekday.text}`,
    policy: minute.wild || hour.wild ? ('real time' as const) : ('fixed' as const),
    matches: (wall: number) =>
      minute.values.includes(Math.floor((wall % HOUR) / MINUTE)) &&
      hour.values.includes(Math.floor((wall % DAY) / HOUR)) &&
      weekday.values.includes((weekdayOf(Math.floor(wall / DAY)) + 1) % 7),
  }
}

test.group('Cron | clock changes', () => {
  for (const [index, zone] of ZONES.entries()) {
    test(`agrees with a look at every minute around the changes of ${zone}`, ({ assert }) => {
      const random = seeded(7000 + index)
      const changes = [...transitions(zone, 2027), Date.UTC(2027, 5, 1)]
      for (const change of changes) {
        const around = grid(zone, change - 2 * DAY, change + 2 * DAY)
        const hours = hoursAround(change, zone)
        for (let round = 0; round < 12; round++) {
          const { expression, policy, matches } = randomCron(random, hours)
          const slots = collect(compileTrigger(cron(expression, zone)), around.from, around.to)
          assert.deepEqual(
            iso(slots),
            iso(bruteForce(around, matches, policy)),
            `${expression} in ${zone}`
          )
        }
      }
    })
  }

  test('runs a list of fixed times once on a day whose clocks change', ({ assert }) => {
    const trigger = cron('0,30 2,3 * * *', 'America/New_York')
    assert.deepEqual(iso(preview(trigger, { from: '2027-03-14T00:00:00-05:00', count: 3 })), [
      '2027-03-14T07:00:00.000Z',
      '2027-03-14T07:30:00.000Z',
      '2027-03-15T06:00:00.000Z',
    ])
  })
})

test.group('Cron | forms', () => {
  test('takes seconds, names, nicknames and blanks: {$self}')
    .with(['*/10 * * * * *', '0 6 * jan-mar mon-fri', '@weekly', '  0   6\t* * * ', '0 0 L * *'])
    .run(({ assert }, expression) => {
      assert.deepEqual(validateTrigger(cron(expression)), [])
      assert.isNotNull(nextSlot(cron(expression), 0))
    })

  test('refuses with the reason and the remedy: {$self}')
    .with([
      '',
      '* * * *',
      '60 * * * *',
      '0 0 * * 8',
      '@reboot',
      '0 0 * * * * 2030',
      '2026-01-01T00:00:00',
      '5/5 * * * *',
      'every day',
    ])
    .run(({ assert }, expression) => {
      const problems = validateTrigger(cron(expression))

      assert.lengthOf(problems, 1)
      assert.equal(problems[0].field, 'trigger.expression')
      assert.include(problems[0].message, 'write five fields')
      assert.isAtMost(problems[0].value.length, 80)
      assert.throws(() => compileTrigger(cron(expression)), /trigger\.expression: .* is not valid/)
    })

  test('refuses an expression of any length with a short message', ({ assert }) => {
    const [problem] = validateTrigger(cron(`${'1,'.repeat(600)}1 * * * *`))
    assert.isAtMost(problem.value.length, 80)
    assert.equal(problem.field, 'trigger.expression')
  })

  test('a date that never occurs is refused when saved and gives no slot', ({ assert }) => {
    const never = cron('0 0 30 2 *', 'America/Havana')

    assert.lengthOf(validateTrigger(never), 1)
    assert.include(validateTrigger(never)[0].message, 'no date matches it')
    assert.isNull(nextSlot(never, Date.UTC(2026, 0, 1)))
    assert.deepEqual(preview(never, { from: 0, count: 5 }), [])
  })

  test('reports every fault at once', ({ assert }) => {
    const problems = validateTrigger({ ...cron('60 * * * *', 'Mars/Base'), endsAt: 'soon' })
    assert.sameMembers(
      problems.map(({ field }) => field),
      ['trigger.endsAt', 'trigger.timezone', 'trigger.expression']
    )
  })

  test('stores the expression without superfluous blanks', ({ assert }) => {
    const stored = normalizeTrigger(cron(' 0  6 * * * ', 'Europe/Berlin'))
    assert.deepEqual(stored, { kind: 'cron', expression: '0 6 * * *', timezone: 'Europe/Berlin' })
  })

  test('goes to the leap days and ends far in the future', ({ assert }) => {
    const leap = cron('0 0 29 2 *')
    const years = preview(leap, { from: '2094-01-01T00:00:00Z', count: 3 })

    assert.deepEqual(
      years.map((slot) => civilDate(slot.getTime() / DAY).year),
      [2096, 2104, 2108]
    )
    assert.equal(nextSlot(leap, Date.UTC(9990, 0, 1)), Date.UTC(9992, 1, 29))
    assert.equal(nextSlot(leap, Date.UTC(1895, 0, 1)), Date.UTC(1896, 1, 29))
    assert.isNull(nextSlot(leap, Date.UTC(9996, 2, 1)))
  })
})
