import type { Clock } from '../../clock.ts'
import type { NodeRecord, Storage } from '../../storage/contract.ts'
import type { TriggerManager } from '../../triggers/trigger_manager.ts'
import type { EventRecord, EventStatus } from '../../types/events.ts'
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
  /** True when there was more than one answer holds: of runs or of events (see `completeTo`). */
  truncated: boolean
  /** Before this instant nothing is left out. */
  completeTo: number
  /** Events whose trigger could not be computed, or that plain SQL has made invalid: they are not fired. */
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
  const { events, wholeTo } = await eventsOf(storage, read)
  const ahead = await slotsAhead({
    events,
    next: (trigger) => triggers.compile(trigger).next,
    ...{ from, to, limit },
  })
  const expected = expectRuns(ahead.slots, await meanDurations(storage, now))
  const most = read.concurrency ?? (await concurrencyOf(deps))
  const { problems } = ahead
  const completeTo = Math.min(ahead.completeTo, Math.max(from, wholeTo))
  const runs = expected.runs.filter(({ at }) => at < completeTo)
  return {
    ...{ from, to, timezone: zone.name },
    runs,
    hours: hourlyLoad({ ...expected, runs }, { from, to: completeTo, zone }),
    concurrency: most,
    over: peaksOver(expected.stretches, completeTo, most),
    truncated: completeTo < to,
    completeTo,
    problems,
  }
}

/**
 * The events that have slots before the end of the window, those that come
 * next first. `wholeTo` is the first slot of an event that had no place.
 */
async function eventsOf(
  storage: Storage,
  { source, event, to }: ReadForecast
): Promise<{ events: EventRecord[]; wholeTo: number }> {
  const statuses: EventStatus[] = ['active', 'paused']
  if (event !== undefined) {
    const found = await storage.events.find(event)
    const events = found && statuses.includes(found.status) ? [found] : []
    return { events, wholeTo: to }
  }
  const limit = MOST_EVENTS + 1
  const query = { source, statuses, nextTo: to, sort: 'nextRunAt', limit } as const
  const found = await storage.events.list(query)
  return {
    events: found.slice(0, MOST_EVENTS),
    wholeTo: found.at(MOST_EVENTS)?.nextRunAt ?? to,
  }
}

/** What the working nodes take together; what this one would, when none works. */
async function concurrencyOf({ storage, concurrency }: ForecastDeps): Promise<number> {
  const nodes = await storage.nodes.list()
  const taken = nodes.map(({ info }: NodeRecord) => Number(info.concurrency ?? 0))
  return taken.reduce((sum, each) => sum + each, 0) || concurrency
}
