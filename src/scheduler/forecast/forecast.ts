import type { Clock } from '../../clock.ts'
import type { NodeRecord, Storage } from '../../storage/contract.ts'
import type { TriggerManager } from '../../triggers/trigger_manager.ts'
import type { EventRecord } from '../../types/events.ts'
import { pagesOfEvents } from '../event_pages.ts'
import { meanDurations } from './durations.ts'
import {
  expectRuns,
  hourlyLoad,
  peaksOver,
  type ForecastHour,
  type ForecastPeak,
  type ForecastRun,
} from './load.ts'
import { readForecast, type ForecastOptions, type ReadForecast } from './options.ts'
import { slotsAhead } from './runs.ts'

/** What lies ahead. Instants are epoch ms (UTC), durations ms. */
export interface Forecast {
  from: number
  /** exclusive */
  to: number
  timezone: string
  /** All runs of the window in order of time; of paused events too, which are marked. */
  runs: ForecastRun[]
  /** The load, hour by hour; hours without any are left out. */
  hours: ForecastHour[]
  /** Runs at once that fit: of all working nodes together, or as it was asked. */
  concurrency: number
  /** Where more would run at once than fit. They wait: nothing is lost. */
  over: ForecastPeak[]
  /** True when there was more than one answer holds: of runs (see `completeTo`) or of events. */
  truncated: boolean
  /** Before this instant nothing is left out. */
  completeTo: number
  /** Events whose trigger could not be computed. */
  problems: { eventId: string; name: string; message: string }[]
}

export interface ForecastDeps {
  storage: Storage
  clock: Clock
  triggers: TriggerManager
  /** Executions at once on this node, for a store that knows no working node. */
  concurrency: number
}

/** Events that one forecast looks at. */
const MOST_EVENTS = 10_000

/**
 * Computes which runs lie ahead and what load they make. Nothing is stored.
 *
 * @throws E_INVALID_INPUT
 */
export async function forecast(deps: ForecastDeps, options: ForecastOptions): Promise<Forecast> {
  const { storage, clock, triggers } = deps
  const now = clock.nowOrNull() ?? (await storage.now())
  const read = readForecast(options, now)
  const { from, to, zone, limit } = read
  const { events, more } = await eventsOf(storage, read)
  const ahead = await slotsAhead({
    events,
    next: (trigger) => triggers.compile(trigger).next,
    ...{ from, to, limit },
  })
  const expected = expectRuns(ahead.slots, await meanDurations(storage, now))
  const most = read.concurrency ?? (await concurrencyOf(deps))
  const { completeTo, problems } = ahead
  return {
    ...{ from, to, timezone: zone.name },
    runs: expected.runs,
    hours: hourlyLoad(expected, { from, to: completeTo, zone }),
    concurrency: most,
    over: peaksOver(expected.stretches, completeTo, most),
    truncated: more || completeTo < to,
    completeTo,
    problems,
  }
}

async function eventsOf(
  storage: Storage,
  { source, event }: ReadForecast
): Promise<{ events: EventRecord[]; more: boolean }> {
  const events: EventRecord[] = []
  if (event !== undefined) {
    const found = await storage.events.find(event)
    return { events: found && hasSlots(found) ? [found] : [], more: false }
  }
  for await (const page of pagesOfEvents(storage, { source })) {
    events.push(...page.filter(hasSlots))
    if (events.length > MOST_EVENTS) {
      return { events: events.slice(0, MOST_EVENTS), more: true }
    }
  }
  return { events, more: false }
}

function hasSlots({ status }: EventRecord): boolean {
  return status === 'active' || status === 'paused'
}

/** What the working nodes take together; what this one would, when none works. */
async function concurrencyOf({ storage, concurrency }: ForecastDeps): Promise<number> {
  const nodes = await storage.nodes.list()
  const taken = nodes.map(({ info }: NodeRecord) => Number(info.concurrency ?? 0))
  return taken.reduce((sum, each) => sum + each, 0) || concurrency
}
