import { test } from '@japa/runner'
import type { ConfigProvider } from '@adonisjs/core/types'
import type Configure from '@adonisjs/core/commands/configure'
import type { QueryClientContract, TransactionClientContract } from '@adonisjs/lucid/types/database'
import * as errors from '../src/errors.ts'
import * as main from '../src/index.ts'
import * as legacy from '../src/legacy/main.ts'
import * as schema from '../src/storage/database/schema/main.ts'
import * as testing from '../src/testing/main.ts'
import * as triggers from '../src/triggers/main.ts'
import type { Enqueued } from '../src/scheduler/types.ts'
import type { CalendarResolver } from '../src/triggers/main.ts'
import type SchedulerProvider from '../providers/scheduler_provider.ts'
import type {
  AlmanacEvents,
  BulkResult,
  EventChange,
  EventFilter,
  EventInput,
  EventPage,
  EventRecord,
  EventSelector,
  ExecutionRecord,
  HandlerContext,
  HandlerFunction,
  Instant,
  JournalEntry,
  JsonObject,
  JsonValue,
  PayloadOf,
  ShortMonths,
  Trigger,
} from '../src/types/main.ts'

/** Names and signatures that apps rely on. A change here is a change of the public API. */

class SendReport extends main.Handler<{ to: string }, { sent: number }> {
  handle() {
    return { sent: 1 }
  }
}

const exported = (entry: object) => Object.keys(entry).sort()

test.group('Public API | names', () => {
  test('adonisjs-almanac', ({ assert }) => {
    assert.deepEqual(exported(main), [
      'Handler',
      'Scheduler',
      'configure',
      'defineConfig',
      'errors',
      'handler',
      'outcome',
      'schedule',
      'storeClient',
      'stores',
      'stubsRoot',
    ])
  })

  test('adonisjs-almanac/testing', ({ assert }) => {
    assert.deepEqual(exported(testing), [
      'ChaosStorage',
      'EventRecorder',
      'FakeAlmanac',
      'ManualClock',
      'MemoryStorage',
      'RecordingLogger',
      'TestAlmanac',
      'createTestAlmanac',
      'registerStorageTestSuite',
      'runHandler',
    ])
  })

  test('adonisjs-almanac/triggers', ({ assert }) => {
    assert.includeMembers(exported(triggers), [
      'calendarsOf',
      'compileTrigger',
      'cron',
      'daily',
      'describeTrigger',
      'every',
      'monthly',
      'nextSlot',
      'normalizeTrigger',
      'once',
      'preview',
      'slotsBetween',
      'validateTrigger',
      'weekly',
      'yearly',
    ])
  })

  test('adonisjs-almanac/legacy', ({ assert }) => {
    assert.deepEqual(exported(legacy), ['frequencyTrigger'])
  })

  test('adonisjs-almanac/schema', ({ assert }) => {
    assert.includeMembers(exported(schema), ['dropSchema', 'migrateSchema'])
  })

  test('adonisjs-almanac/errors: every error has its code, its status and a remedy', ({
    assert,
  }) => {
    for (const [name, error] of Object.entries(errors)) {
      assert.match(name, /^E_[A-Z_]+$/)
      assert.equal(error.code, name)
      assert.isAtLeast(error.status, 400, name)
      assert.isNotEmpty(error.help, name)
    }
    assert.strictEqual(main.errors.E_EVENT_NOT_FOUND, errors.E_EVENT_NOT_FOUND)
  })
})

test.group('Public API | signatures', () => {
  test('triggers and the legacy codes, which need no app', ({ expectTypeOf }) => {
    expectTypeOf(triggers.preview).toEqualTypeOf<
      (
        trigger: Trigger,
        options: { count: number } & (
          { from: Instant; after?: undefined } | { after: Instant; from?: undefined }
        ),
        calendars?: CalendarResolver
      ) => Date[]
    >()
    expectTypeOf(triggers.nextSlot).toEqualTypeOf<
      (trigger: Trigger, after: number, calendars?: CalendarResolver) => number | null
    >()
    expectTypeOf(legacy.frequencyTrigger).toBeFunction()
    expectTypeOf(legacy.frequencyTrigger).parameter(1).toMatchTypeOf<{
      timezone: string
      dialect?: 'standard' | 'dbms_scheduler' | 'apscheduler'
      shortMonths?: ShortMonths
    }>()
    expectTypeOf(legacy.frequencyTrigger).returns.toMatchTypeOf<Trigger>()
    expectTypeOf({
      frqcd: 'WK',
      frqdd: 'MON',
      frqhh: 6,
      frqmi: '0',
      strtdt: '2026-01-05T00:00:00',
      enddt: null,
    }).toMatchTypeOf<Parameters<typeof legacy.frequencyTrigger>[0]>()
  })

  test('configure, config and stores', ({ expectTypeOf }) => {
    expectTypeOf(main.configure).toEqualTypeOf<(command: Configure) => Promise<void>>()
    expectTypeOf(main.defineConfig).toEqualTypeOf<
      (config: main.AlmanacConfig) => main.AlmanacConfig
    >()
    expectTypeOf(main.stores.database)
      .parameter(0)
      .toEqualTypeOf<{ connection?: string; notify?: boolean } | undefined>()
    expectTypeOf(main.stores.memory).returns.toEqualTypeOf<ConfigProvider<main.StoreFactory>>()
    expectTypeOf(main.storeClient).returns.resolves.toEqualTypeOf<QueryClientContract>()
    expectTypeOf(schema.migrateSchema).parameter(0).toEqualTypeOf<QueryClientContract>()
    expectTypeOf<InstanceType<typeof SchedulerProvider>>().toHaveProperty('ready')
  })

  test('enqueue takes the payload of the handler class', ({ expectTypeOf }) => {
    const almanac = {} as main.Scheduler
    expectTypeOf<PayloadOf<typeof SendReport>>().toEqualTypeOf<{ to: string }>()
    expectTypeOf<PayloadOf<string>>().toEqualTypeOf<JsonValue>()
    const typed = almanac.enqueue<typeof SendReport>
    expectTypeOf(typed).parameter(1).toEqualTypeOf<{ to: string }>()
    expectTypeOf(typed).returns.resolves.toEqualTypeOf<Enqueued>()
    const named = almanac.enqueue<string>
    expectTypeOf(named).parameter(1).toEqualTypeOf<JsonValue>()
    expectTypeOf<NonNullable<Parameters<typeof named>[2]>>()
      .toHaveProperty('client')
      .toEqualTypeOf<TransactionClientContract | undefined>()
  })

  test('the facade', ({ expectTypeOf }) => {
    type Almanac = main.Scheduler
    expectTypeOf<Almanac['start']>().toEqualTypeOf<() => Promise<void>>()
    expectTypeOf<Almanac['stop']>().toEqualTypeOf<
      (options?: { deadline?: number }) => Promise<void>
    >()
    expectTypeOf<Almanac['tick']>().toEqualTypeOf<() => Promise<string[]>>()
    expectTypeOf<Almanac['trigger']>().toEqualTypeOf<
      (
        eventId: string,
        options?: { payload?: JsonValue; meta?: JsonObject; subject?: string; by?: string }
      ) => Promise<ExecutionRecord>
    >()
    expectTypeOf<Almanac['cancel']>().returns.resolves.toEqualTypeOf<
      'cancelled' | 'requested' | null
    >()
    expectTypeOf<Almanac['history']>().returns.resolves.toEqualTypeOf<ExecutionRecord[]>()
    expectTypeOf<Almanac['watch']>().toEqualTypeOf<
      (options?: {
        after?: number
        signal?: AbortSignal
      }) => AsyncGenerator<JournalEntry, void, void>
    >()
    expectTypeOf<Almanac['schedule']>().parameter(0).toEqualTypeOf<EventInput>()
    expectTypeOf<Almanac['events']['create']>().returns.resolves.toEqualTypeOf<EventRecord>()
    type Events = Almanac['events']
    expectTypeOf<Events['upsert']>().returns.resolves.toEqualTypeOf<{
      event: EventRecord
      created: boolean
    }>()
    expectTypeOf<Events['list']>().parameter(0).toEqualTypeOf<EventFilter | undefined>()
    expectTypeOf<Events['page']>().returns.resolves.toEqualTypeOf<EventPage>()
    expectTypeOf<Events['pauseMany']>().toEqualTypeOf<
      (selector: EventSelector, by?: string) => Promise<BulkResult>
    >()
    expectTypeOf<Events['skipNext']>().toEqualTypeOf<
      (id: string, by?: string) => Promise<EventRecord>
    >()
    expectTypeOf<Events['clone']>()
      .parameter(1)
      .toEqualTypeOf<(EventChange & { enabled?: boolean }) | undefined>()
    expectTypeOf<ExecutionRecord['meta']>().toEqualTypeOf<JsonObject | null>()
    expectTypeOf<EventRecord['tags']>().toEqualTypeOf<string[]>()
    expectTypeOf<Almanac['fake']>().returns.toEqualTypeOf<testing.FakeAlmanac>()
    expectTypeOf<Almanac['addPuller']>().parameter(0).toEqualTypeOf<main.PullerOptions>()
    expectTypeOf<Almanac['backfill']>().parameter(1).toEqualTypeOf<main.BackfillOptions>()
    expectTypeOf<Almanac['backfill']>().returns.resolves.toEqualTypeOf<main.BackfillReport>()
    expectTypeOf<Almanac['forecast']>().returns.resolves.toEqualTypeOf<main.Forecast>()
    expectTypeOf<Almanac['import']>().returns.resolves.toEqualTypeOf<main.ImportReport>()
    expectTypeOf<Almanac['export']>().returns.toEqualTypeOf<AsyncGenerator<string, void, void>>()
    expectTypeOf<Almanac['register']>().parameter(0).toEqualTypeOf<string>()
  })

  test('handlers', ({ expectTypeOf }) => {
    expectTypeOf(SendReport).toMatchTypeOf<
      new () => { handle(context: HandlerContext<{ to: string }>): { sent: number } }
    >()
    expectTypeOf<HandlerFunction<{ to: string }>>()
      .parameter(0)
      .toEqualTypeOf<HandlerContext<{ to: string }>>()
    expectTypeOf<HandlerContext<{ to: string }>['payload']>().toEqualTypeOf<{ to: string }>()
    expectTypeOf<HandlerContext['signal']>().toEqualTypeOf<AbortSignal>()
    expectTypeOf<HandlerContext['fencingToken']>().toEqualTypeOf<number>()
    expectTypeOf(testing.runHandler<typeof SendReport>)
      .parameter(1)
      .toEqualTypeOf<{ to: string }>()
  })

  test('the events on the emitter of the app', ({ expectTypeOf }) => {
    expectTypeOf<keyof AlmanacEvents>().toEqualTypeOf<
      | `event:${'created' | 'updated' | 'deleted' | 'paused' | 'resumed' | 'cancelled' | 'completed' | 'skipped' | 'problem'}`
      | `slot:${'fired' | 'missed'}`
      | `execution:${'queued' | 'started' | 'progress' | 'retried'}`
      | `execution:${'succeeded' | 'failed' | 'cancelled' | 'timed_out' | 'abandoned' | 'missed' | 'skipped'}`
      | `leader:${'acquired' | 'lost'}`
      | `node:${'joined' | 'lost'}`
      | 'source:synced'
    >()
    type Listened = import('@adonisjs/core/types').EventsList['execution:failed']
    expectTypeOf<Listened>().toEqualTypeOf<AlmanacEvents['execution:failed']>()
    type Bound = import('@adonisjs/core/types').ContainerBindings['almanac']
    expectTypeOf<Bound>().toEqualTypeOf<main.Scheduler>()
  })

  test('a wrong payload does not compile', () => {
    const almanac = {} as main.Scheduler
    // Never called: only the compiler reads it
    const wrong = () => [
      // @ts-expect-error the payload of SendReport has `to`
      almanac.enqueue(SendReport, { from: 'ann' }),
      // @ts-expect-error a cron trigger has a zone
      almanac.preview({ kind: 'cron', expression: '* * * * *' }, { from: 0, count: 1 }),
      // @ts-expect-error a config needs a store
      main.defineConfig({ concurrency: 5 }),
    ]
    return void wrong
  })
})
