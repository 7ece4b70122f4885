import { E_STORAGE_UNAVAILABLE } from '../errors.ts'
import { newId } from '../ids.ts'
import { toIso } from '../triggers/instant.ts'
import { firingBatches, firingEntries } from './firing_batches.ts'
import { planTick, type TickProblem } from './plan_tick.ts'
import { announceSlots } from './slot_notices.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { DueEvent, FireResult, Firing, NewExecution, Storage } from '../storage/contract.ts'
import type { ExecutionDefaults } from './slot_execution.ts'
import type { NextSlot } from './slot_search.ts'
import type { Profiles } from './slot_payload.ts'
import type { EventRecord } from '../types/events.ts'
import type { Notifier } from '../types/notifications.ts'
import type { Trigger } from '../types/triggers.ts'
import type { EventProblems } from './event_problems.ts'

export interface TickDeps {
  storage: Storage
  triggers: { compile(trigger: Trigger): { next: NextSlot } }
  notifier: Notifier
  clock: Clock
  counters: Counters
  nodeId: string
  problems: EventProblems
  defaults: (handler: string) => ExecutionDefaults
  profiles: Profiles
  /** Finds what runs after executions of events. */
  children: { attach(executions: NewExecution[]): Promise<NewExecution[]> }
  /** Takes over what plain SQL did to an event, before it is fired. */
  absorb: (event: EventRecord, found: string) => Promise<void>
  /** Events listed at a time. */
  batch: number
  /** Called when executions were queued. */
  wakeJobs: () => void
  /** Asked between transactions: whether this node still leads. */
  trusted: () => boolean
}

/** Where a tick left the store. */
export interface TickResult {
  /** Ids of the executions that were queued. */
  fired: string[]
  /** The instant up to which it looked, on the database's clock. */
  now: number
  /** When this process learned that instant, on its monotonic clock. */
  seenAt: number
  /** `more`: slots are due beyond this tick's share. `contested`: another tick or an edit moved an event. */
  left: 'nothing' | 'more' | 'contested'
}

/**
 * One look at everything that is due. Events are listed in batches until none
 * is left, each event once.
 */
export class Tick {
  readonly #deps: TickDeps
  readonly #result: TickResult = { fired: [], now: 0, seenAt: 0, left: 'nothing' }
  /** Events that this tick dealt with and that are due still. */
  readonly #stillDue = new Set<string>()

  constructor(deps: TickDeps) {
    this.#deps = deps
  }

  async run(): Promise<TickResult> {
    const { storage, clock, batch, trusted } = this.#deps
    let full = true
    while (full && trusted()) {
      const limit = batch + this.#stillDue.size
      const due = await storage.events.listDue({ now: clock.nowOrNull(), limit })
      this.#result.now = due.now
      this.#result.seenAt = clock.monotonic()
      full = due.events.length >= limit
      await this.#deal(
        due.events.filter(({ id }) => !this.#stillDue.has(id)),
        due.now
      )
    }
    return this.#result
  }

  async #deal(events: DueEvent[], now: number): Promise<void> {
    const { triggers, defaults, profiles, trusted } = this.#deps
    const own = events.filter(({ foreign }) => foreign === null)
    const { firings, problems } = planTick({
      now,
      events: own,
      triggers: (event) => triggers.compile(event.trigger),
      newId,
      defaults,
      profiles,
    })
    const byId = new Map(events.map((event) => [event.id, event]))
    for (const batch of firingBatches(await this.#withChildren(firings))) {
      if (trusted()) {
        problems.push(...(await this.#fire(batch, byId, now)))
      }
    }
    for (const problem of problems) {
      await this.#report(problem, byId)
    }
    for (const event of events) {
      await this.#absorb(event)
    }
  }

  async #withChildren(firings: Firing[]): Promise<Firing[]> {
    const all = await this.#deps.children.attach(firings.flatMap(({ executions }) => executions))
    let at = 0
    return firings.map((firing) => {
      const executions = all.slice(at, at + firing.executions.length)
      at += executions.length
      return { ...firing, executions }
    })
  }

  /** An event that other hands have changed is judged anew first; the next tick sees what came of it. */
  async #absorb({ openQueued, openRunning, foreign, ...event }: DueEvent): Promise<void> {
    if (foreign === null || !this.#deps.trusted()) {
      return
    }
    this.#leave(event.id, 'contested')
    await this.#deps.absorb(event, foreign)
  }

  /**
   * Where the store refuses a batch, one firing may be at fault: each is tried alone.
   *
   * @returns the firings that were refused alone
   */
  async #fire(batch: Firing[], events: Map<string, DueEvent>, now: number): Promise<TickProblem[]> {
    try {
      await this.#fireTogether(batch, events, now)
      return []
    } catch (error) {
      // With the store away, or its write lock held for long, nothing is wrong with the batch
      if (error instanceof E_STORAGE_UNAVAILABLE) {
        throw error
      }
      await this.#deps.storage.now()
      if (batch.length === 1) {
        return [{ eventId: batch[0].eventId, error }]
      }
    }
    const refused: TickProblem[] = []
    for (const firing of batch) {
      refused.push(...(await this.#fire([firing], events, now)))
    }
    return refused
  }

  async #fireTogether(
    firings: Firing[],
    events: Map<string, DueEvent>,
    now: number
  ): Promise<void> {
    const { storage, clock, nodeId } = this.#deps
    const journal = firingEntries(firings, nodeId)
    const result = await storage.events.fire({ now: clock.nowOrNull(), firings, journal })
    this.#note(firings, result, now)
    const opened = new Set(firings.flatMap(({ missed }) => missed.map(({ id }) => id)))
    const fired = Map.groupBy(result.fired, ({ eventId }) => eventId)
    const missed = Map.groupBy(result.missed, ({ eventId }) => eventId)
    const stale = new Set(result.stale)
    for (const { eventId } of firings) {
      const event = events.get(eventId)
      if (event && !stale.has(eventId)) {
        const own = { fired: fired.get(eventId) ?? [], missed: missed.get(eventId) ?? [] }
        announceSlots(this.#deps.notifier, { name: event.name, ...own, opened, now })
      }
    }
    for (const eventId of result.completed) {
      this.#announceEnd(events.get(eventId)!, now)
    }
  }

  #note(firings: Firing[], result: FireResult, now: number): void {
    const { counters, problems } = this.#deps
    this.#result.fired.push(...result.fired.map(({ id }) => id))
    if (result.fired.length > 0) {
      this.#deps.wakeJobs()
    }
    counters.increment('slots.fired', result.fired.length)
    counters.increment('slots.missed', missedSlots(firings, result))
    counters.increment('events.stale', result.stale.length)
    const stale = new Set(result.stale)
    for (const { eventId, nextRunAt } of firings) {
      if (stale.has(eventId)) {
        this.#leave(eventId, 'contested')
      } else {
        problems.solved(eventId)
        if (nextRunAt !== null && nextRunAt <= now) {
          this.#leave(eventId, 'more')
        }
      }
    }
  }

  #announceEnd({ id, name, source }: DueEvent, now: number): void {
    const notice = { eventId: id, name, source, at: toIso(now), actor: this.#deps.nodeId }
    this.#deps.notifier.emit('event:completed', notice)
  }

  async #report({ eventId, error }: TickProblem, events: Map<string, DueEvent>): Promise<void> {
    this.#stillDue.add(eventId)
    const event = events.get(eventId)
    if (event) {
      await this.#deps.problems.report(event, error)
    }
  }

  #leave(eventId: string, left: 'more' | 'contested'): void {
    this.#stillDue.add(eventId)
    this.#result.left = this.#result.left === 'more' ? 'more' : left
  }
}

function missedSlots(firings: Firing[], result: FireResult): number {
  const stale = new Set(result.stale)
  const applied = firings.filter(({ eventId }) => !stale.has(eventId))
  return applied.flatMap(({ missed }) => missed).reduce((sum, { count }) => sum + count, 0)
}
