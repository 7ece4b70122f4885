import { test } from '@japa/runner'
import { E_INVALID_TRIGGER } from '../../src/errors.ts'
import { TriggerManager } from '../../src/triggers/trigger_manager.ts'
import type { CronTrigger, Trigger } from '../../src/types/triggers.ts'

const MAY = Date.UTC(2026, 4, 1)
const cron = (minute: number): CronTrigger => ({
  kind: 'cron',
  expression: `${minute} * * * *`,
  timezone: 'UTC',
})

test.group('TriggerManager', () => {
  test('keeps one parsed form of triggers that mean the same', ({ assert }) => {
    const triggers = new TriggerManager()
    const first = triggers.compile({ kind: 'interval', every: '1h', anchor: new Date(MAY) })
    const second = triggers.compile({ anchor: MAY, every: 3_600_000, kind: 'interval' })

    assert.strictEqual(first, second)
    assert.equal(triggers.cached, 1)
  })

  test('keeps no more than its size, those used last', ({ assert }) => {
    const triggers = new TriggerManager({ cacheSize: 2 })
    const [one, two] = [triggers.compile(cron(1)), triggers.compile(cron(2))]
    assert.strictEqual(triggers.compile(cron(1)), one)
    triggers.compile(cron(3))

    assert.equal(triggers.cached, 2)
    assert.strictEqual(triggers.compile(cron(1)), one)
    assert.notStrictEqual(triggers.compile(cron(2)), two)
  })

  test('computes, previews, validates, describes and normalizes', ({ assert }) => {
    const triggers = new TriggerManager()
    const given = cron(30)
    assert.equal(triggers.next(given, MAY), MAY + 30 * 60_000)
    assert.deepEqual(triggers.slots(given, MAY, MAY + 3_600_000, 5), [MAY + 30 * 60_000])
    assert.lengthOf(triggers.preview(given, { from: MAY, count: 3 }), 3)
    assert.deepEqual(triggers.validate(given), [])
    assert.lengthOf(triggers.validate({ ...given, expression: 'x' }), 1)
    assert.deepEqual(triggers.warnings(given), [])
    assert.equal(triggers.describe(given), 'at 30 minutes past the hour, UTC (cron "30 * * * *")')
    assert.deepEqual(triggers.normalize({ ...given, expression: ' 30 * * * *' }), given)
  })

  test('a trigger that cannot be compiled is refused each time and not kept', ({ assert }) => {
    const triggers = new TriggerManager()
    for (const bad of [cron(60), { kind: 'cron', expression: 7 }, {}] as Trigger[]) {
      assert.throws(() => triggers.compile(bad), E_INVALID_TRIGGER)
      assert.throws(() => triggers.next(bad, MAY), E_INVALID_TRIGGER)
    }
    assert.equal(triggers.cached, 0)
  })

  test('finds its slots again after the parsed expression was pushed out', ({ assert }) => {
    const triggers = new TriggerManager()
    const compiled = triggers.compile(cron(7))
    for (let n = 0; n < 300; n++) {
      triggers.compile({
        ...cron(n % 60),
        timezone: n < 150 ? 'UTC' : 'Asia/Kolkata',
        endsAt: MAY + n,
      })
      triggers.compile({ ...cron(n % 60), expression: `${n % 60} ${n % 24} * * *` })
    }
    assert.equal(compiled.next(MAY), MAY + 7 * 60_000)
  })
})
