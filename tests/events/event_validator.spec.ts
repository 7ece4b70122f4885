import { test } from '@japa/runner'
import { validateActor, validateChange, validateEvent } from '../../src/events/event_validator.ts'
import { calendarsOf } from '../../src/triggers/main.ts'
import { TriggerManager } from '../../src/triggers/trigger_manager.ts'
import { handlers, hourly } from './support.ts'
import type { Problem } from '../../src/types/triggers.ts'

const context = {
  triggers: new TriggerManager(),
  handlers,
  maxPayload: 100,
  maxMeta: 60,
  profiles: { north: { region: 'north' }, big: { text: 'x'.repeat(80) } },
  knownHandlersOnly: true,
}

function problemsOf(work: () => unknown): Problem[] {
  try {
    work()
  } catch (error) {
    return (error as { problems: Problem[] }).problems
  }
  throw new Error('it was not refused')
}

const fieldsOf = (input: object) =>
  problemsOf(() => validateEvent({ ...hourly, ...input }, context)).map(({ field }) => field)

test.group('Event validator | calendars', () => {
  const exclude = { calendars: ['bank-holidays'] }
  const trigger = { ...hourly.trigger, exclude }

  test('an event that names an unknown calendar is refused', ({ assert }) => {
    assert.deepEqual(fieldsOf({ trigger }), ['trigger.exclude.calendars[0]'])
  })

  test('one that names a calendar of the config is not', ({ assert }) => {
    const calendars = calendarsOf({ 'bank-holidays': { dates: ['12-25'] } })
    const triggers = new TriggerManager({ calendars })
    const { definition } = validateEvent({ ...hourly, trigger }, { ...context, triggers })
    assert.deepEqual(definition.trigger.exclude, exclude)
  })
})

test.group('Event validator | new event', () => {
  test('sets every field that is not given', ({ assert }) => {
    assert.deepEqual(validateEvent(hourly, context), {
      enabled: true,
      after: null,
      definition: {
        name: 'load sales',
        handler: 'load',
        payload: null,
        profile: null,
        trigger: { kind: 'cron', expression: '0 * * * *', timezone: 'UTC' },
        meta: null,
        subject: null,
        tags: [],
        queue: null,
        priority: null,
        misfire: { policy: 'once', grace: 60_000, cap: 100 },
        overlap: 'wait',
        onResume: 'skip',
        concurrencyKey: null,
        timeout: null,
        retries: null,
        maxRuns: null,
      },
    })
  })

  test('takes every field that is given, in the stored form', ({ assert }) => {
    const { definition, enabled } = validateEvent(
      {
        name: 'x',
        handler: 'report',
        payload: { at: new Date(0), list: [1, null] },
        profile: 'north',
        meta: { owner: 'anna', since: new Date(0) },
        subject: 'customer 7',
        tags: ['b', 'a', 'b'],
        trigger: { kind: 'interval', every: '5m', startsAt: new Date(0) },
        queue: 'reports',
        priority: 1,
        misfire: { policy: 'all', grace: '2s', cap: 7 },
        overlap: 'skip',
        onResume: 'misfire',
        concurrencyKey: 'warehouse',
        timeout: '1m30s',
        retries: 0,
        maxRuns: 3,
        enabled: false,
      },
      context
    )

    assert.isFalse(enabled)
    assert.deepEqual(definition, {
      name: 'x',
      handler: 'report',
      payload: { at: '1970-01-01T00:00:00.000Z', list: [1, null] },
      profile: 'north',
      meta: { owner: 'anna', since: '1970-01-01T00:00:00.000Z' },
      subject: 'customer 7',
      tags: ['a', 'b'],
      trigger: { kind: 'interval', every: 300_000, startsAt: '1970-01-01T00:00:00.000Z' },
      queue: 'reports',
      priority: 1,
      misfire: { policy: 'all', grace: 2_000, cap: 7 },
      overlap: 'skip',
      onResume: 'misfire',
      concurrencyKey: 'warehouse',
      timeout: 90_000,
      retries: 0,
      maxRuns: 3,
    })
  })

  test('a misfire policy may be a word, a handler a class', ({ assert }) => {
    class Load {
      handle() {}
    }
    const input = { ...hourly, handler: Load, misfire: 'skip' }
    const { definition } = validateEvent(input, context)

    assert.equal(definition.handler, 'load')
    assert.deepEqual(definition.misfire, { policy: 'skip', grace: 60_000, cap: 100 })
  })

  test('returns every problem at once, with field, value and remedy', ({ assert }) => {
    const problems = problemsOf(() =>
      validateEvent(
        {
          name: ' ',
          handler: 'nobody',
          trigger: { kind: 'cron', expression: '99 * * * *', timezone: 'Mars/Base' },
          payload: () => 1,
          priority: 11,
          misfire: { policy: 'never', grace: -1, cap: 501, more: 1 },
          overlap: 'no',
          onResume: 'later',
          queue: '',
          concurrencyKey: '',
          timeout: 'soon',
          retries: -1,
          maxRuns: 0,
          enabled: 'yes',
          colour: 'red',
        },
        context
      )
    )

    assert.sameMembers(
      problems.map(({ field }) => field),
      [
        'colour',
        'name',
        'handler',
        'payload',
        'trigger.expression',
        'trigger.timezone',
        'queue',
        'priority',
        'misfire.more',
        'misfire.policy',
        'misfire.grace',
        'misfire.cap',
        'overlap',
        'onResume',
        'concurrencyKey',
        'timeout',
        'retries',
        'maxRuns',
        'enabled',
      ]
    )
    for (const { value, message } of problems) {
      assert.isString(value)
      assert.isAbove(message.length, 10)
    }
  })

  test('the error names each field and its value', ({ assert }) => {
    assert.throws(
      () => validateEvent({ ...hourly, priority: 11 }, context),
      'Event "load sales" is not valid: priority (11): give a whole number from 1 to 10'
    )
  })

  test('a handler that is not registered is named', ({ assert }) => {
    const [problem] = problemsOf(() => validateEvent({ ...hourly, handler: 'nobody' }, context))

    assert.equal(problem.field, 'handler')
    assert.equal(problem.value, 'nobody')
    assert.include(problem.message, 'app/handlers')
  })

  test('a handler of another node is accepted where the context says so', ({ assert }) => {
    const elsewhere = { ...context, knownHandlersOnly: false }

    assert.equal(
      validateEvent({ ...hourly, handler: 'nobody' }, elsewhere).definition.handler,
      'nobody'
    )
  })

  test('name, handler and trigger are required', ({ assert }) => {
    const required = (input: unknown) =>
      problemsOf(() => validateEvent(input, context)).map(({ field }) => field)

    assert.deepEqual(required({}), ['name', 'handler', 'trigger'])
    assert.deepEqual(required({ name: null, handler: null, trigger: null }), [
      'name',
      'handler',
      'trigger',
    ])
    assert.include(required('an event'), 'event')
    assert.include(required([]), 'event')
  })

  test('single faults are refused alone', ({ assert }) => {
    assert.deepEqual(fieldsOf({ name: 'x'.repeat(256) }), ['name'])
    assert.deepEqual(fieldsOf({ handler: 7 }), ['handler'])
    assert.deepEqual(fieldsOf({ handler: '' }), ['handler'])
    assert.deepEqual(fieldsOf({ payload: 'x'.repeat(101) }), ['payload'])
    assert.deepEqual(fieldsOf({ payload: { n: Number.NaN } }), ['payload'])
    assert.deepEqual(fieldsOf({ misfire: 7 }), ['misfire'])
    assert.deepEqual(fieldsOf({ misfire: ['once'] }), ['misfire'])
    assert.deepEqual(fieldsOf({ timeout: 0 }), ['timeout'])
    assert.deepEqual(fieldsOf({ retries: 1.5 }), ['retries'])
    assert.deepEqual(fieldsOf({ retries: 1e9 }), ['retries'])
    assert.deepEqual(fieldsOf({ trigger: 'daily' }), ['trigger.kind'])
  })

  test('an impossible day is refused', ({ assert }) => {
    const trigger = { kind: 'cron', expression: '0 0 30 2 *', timezone: 'UTC' }
    const fields = fieldsOf({ trigger })

    assert.lengthOf(fields, 1)
    assert.match(fields[0], /^trigger/)
  })
})

test.group('Event validator | change', () => {
  const change = (input: unknown) => validateChange(input, context, 'Event "x"')

  test('reads only what is given', ({ assert }) => {
    assert.deepEqual(change({ priority: 2, name: undefined }), { priority: 2 })
    assert.deepEqual(change({}), {})
  })

  test('null puts a field back to its default', ({ assert }) => {
    assert.deepEqual(change({ queue: null, misfire: null, payload: null }), {
      queue: null,
      misfire: { policy: 'once', grace: 60_000, cap: 100 },
      payload: null,
    })
  })

  test('what is required cannot be taken away', ({ assert }) => {
    const fields = problemsOf(() => change({ name: null, handler: null, trigger: null }))

    assert.deepEqual(
      fields.map(({ field }) => field),
      ['name', 'handler', 'trigger']
    )
  })

  test('enabled is no part of a change', ({ assert }) => {
    assert.deepEqual(
      problemsOf(() => change({ enabled: false })).map(({ field }) => field),
      ['enabled']
    )
    assert.throws(() => change(null), /Event "x" is not valid: event \(null\)/)
  })
})

test.group('Event validator | actor', () => {
  test('takes a name and refuses what is none', ({ assert }) => {
    assert.equal(validateActor('anna'), 'anna')
    for (const by of ['', ' ', 'x'.repeat(256), 7 as never]) {
      assert.throws(() => validateActor(by), /The actor is not valid: by/)
    }
  })
})
