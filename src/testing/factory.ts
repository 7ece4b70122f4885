import { readShell } from '../config/core.ts'
import { ConfigReader } from '../config/reader.ts'
import { Counters } from '../counters.ts'
import { toMilliseconds, type Duration } from '../duration.ts'
import { Scheduler } from '../scheduler.ts'
import type { Storage } from '../storage/contract.ts'
import { MemoryStorage } from '../storage/memory/main.ts'
import type { AlmanacOptions } from '../types/config.ts'
import type { HandlerClass, HandlerContract, HandlerFunction } from '../types/handlers.ts'
import { ClockTimetable } from './clock_timetable.ts'
import { EventRecorder } from './event_recorder.ts'
import { ManualClock } from './manual_clock.ts'
import { RecordingLogger } from './recording_logger.ts'

/** Where the manual clock starts unless it is told: a Monday noon, UTC. */
const START = Date.UTC(2026, 0, 5, 12)

export interface TestAlmanacOptions {
  /** Handlers by name, or classes under their own names. */
  handlers?: Record<string, HandlerClass | HandlerFunction> | HandlerClass[]
  /** Default: a manual clock at 2026-01-05T12:00:00Z. */
  clock?: ManualClock
  /** Default: a store in memory. */
  storage?: Storage
  /** Keys of config/almanac.ts. */
  config?: AlmanacOptions
  /** Makes instances of handler classes; default: `new Class()`. */
  make?: (Class: HandlerClass) => Promise<HandlerContract> | HandlerContract
}

/**
 * A scheduler whose time is moved by hand. Nothing happens between two ticks.
 */
export class TestAlmanac implements AsyncDisposable {
  readonly almanac: Scheduler
  readonly clock: ManualClock
  readonly storage: Storage
  readonly recorder = new EventRecorder()
  readonly logger = new RecordingLogger()
  readonly counters = new Counters()

  constructor(options: TestAlmanacOptions = {}) {
    this.clock = options.clock ?? new ManualClock(START)
    this.storage = options.storage ?? new MemoryStorage({ clock: this.clock })
    const { core } = readShell(new ConfigReader({ node: 'test', ...options.config }))
    this.almanac = new Scheduler({
      storage: this.storage,
      clock: this.clock,
      logger: this.logger,
      counters: this.counters,
      notifier: this.recorder,
      config: core,
      make: options.make ?? ((Class) => new Class()),
      timetable: new ClockTimetable({ clock: this.clock }),
    })
    this.almanac.boot()
    this.#register(options.handlers ?? {})
  }

  /**
   * Moves the clock, fires what is due and runs until nothing is available.
   *
   * @param by ms or a text such as `'1h'`; default 0
   * @returns ids of the executions that were fired
   */
  async tick(by: Duration = 0): Promise<string[]> {
    await this.clock.advance(toMilliseconds(by, 'by'))
    const fired = await this.almanac.tick()
    await this.almanac.runOnce()
    return fired
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.almanac.shutdown({ deadline: 0 })
  }

  #register(handlers: NonNullable<TestAlmanacOptions['handlers']>): void {
    const { almanac } = this
    if (Array.isArray(handlers)) {
      handlers.forEach((Class) => almanac.register(almanac.handlers.nameOf(Class), Class))
    } else {
      Object.entries(handlers).forEach(([name, handler]) => almanac.register(name, handler))
    }
  }
}

export async function createTestAlmanac(options: TestAlmanacOptions = {}): Promise<TestAlmanac> {
  return new TestAlmanac(options)
}
