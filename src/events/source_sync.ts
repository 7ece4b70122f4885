import { eventNotice } from './event_journal.ts'
import { rethrowMoved, type EventChanges } from './event_changes.ts'
import { SourceDependencies } from './source_dependencies.ts'
import { SourcePlanner, type SourcePlan } from './source_plan.ts'
import type { Clock } from '../clock.ts'
import type { ChildPlanner } from './child_planner.ts'
import type { FieldContext } from './event_fields.ts'
import type { PlanDeps } from './event_plan.ts'
import type { Storage, SyncResult } from '../storage/contract.ts'
import type { Actor, EventRecord, SourceInput, SourceProblem } from '../types/events.ts'
import type { Logger } from '../types/logger.ts'
import type { AlmanacEvents, Notifier } from '../types/notifications.ts'
import { toIso } from '../triggers/instant.ts'

/** What the parts of the event manager share. */
export interface EventParts {
  storage: Storage
  notifier: Notifier
  clock: Clock
  logger: Logger
  changes: EventChanges
  plan: PlanDeps
  fields: FieldContext
  children: ChildPlanner
}

export interface SyncOptions {
  missing: 'delete' | 'pause'
  problems: SourceProblem[]
  by: Actor
}

export type SourceResult = SyncResult & { problems: SourceProblem[] }

/** Events read per page. */
const PAGE = 1_000

/**
 * Keeps the events of a source in step with its definitions.
 */
export class SourceSync {
  readonly #deps: EventParts
  readonly #planner: SourcePlanner
  readonly #dependencies: SourceDependencies
  /** What was reported of each source last time: a row that stays bad is journalled once. */
  readonly #reported = new Map<string, Set<string>>()

  constructor(deps: EventParts) {
    this.#deps = deps
    this.#planner = new SourcePlanner(deps)
    this.#dependencies = new SourceDependencies(deps)
  }

  async run(
    source: string,
    definitions: SourceInput[],
    options: SyncOptions
  ): Promise<SourceResult> {
    const { changes } = this.#deps
    const { plan, result, now } = await changes.retrying(async () => {
      const at = await changes.now()
      const existing = await this.#existing(source)
      const drawn = await this.#planner.plan({ source, definitions, existing, now: at, ...options })
      return { plan: drawn, result: await this.#write(source, drawn, options), now: at }
    })
    const events = () => this.#existing(source)
    const bad = new Set(plan.problems.map(({ key }) => key))
    const read = definitions.filter(({ key }) => !bad.has(key))
    const unmet = await this.#dependencies.run(source, read, events, options.by)
    plan.problems.push(...unmet)
    await this.#report(source, plan.problems, options.by)
    await this.#announce(source, plan, result, { by: options.by, now })
    return { ...result, problems: plan.problems }
  }

  async #write(source: string, plan: SourcePlan, { missing }: SyncOptions): Promise<SyncResult> {
    const { storage, clock, children } = this.#deps
    const { definitions, journal } = plan
    for (const { planned } of definitions) {
      if (planned) {
        planned.executions = await children.attach(planned.executions)
      }
    }
    const params = { now: clock.nowOrNull(), source, definitions, missing, journal }
    return storage.events.syncSource(params).catch(rethrowMoved)
  }

  async #existing(source: string): Promise<EventRecord[]> {
    const events: EventRecord[] = []
    for (;;) {
      const last = events.at(-1)
      const after = last && { value: last.name, id: last.id }
      const page = await this.#deps.storage.events.list({ source, after, limit: PAGE })
      events.push(...page)
      if (page.length < PAGE) {
        return events
      }
    }
  }

  /** New problems go to the log and the journal; those that stay are only counted in the result. */
  async #report(source: string, problems: SourceProblem[], by: Actor): Promise<void> {
    const { storage, clock, logger } = this.#deps
    const before = this.#reported.get(source)
    const text = ({ key, message }: SourceProblem) => `${key}\n${message}`
    const fresh = problems.filter((problem) => !before?.has(text(problem)))
    if (fresh.length > 0) {
      const entries = fresh.map(({ key, message }) => ({
        kind: 'source.problem' as const,
        actor: by,
        subject: source,
        after: { key, message },
      }))
      await storage.journal.append({ now: clock.nowOrNull(), entries })
      fresh.forEach((problem) =>
        logger.warn({ source, key: problem.key }, `Definition refused: ${problem.message}`)
      )
    }
    this.#reported.set(source, new Set(problems.map(text)))
  }

  async #announce(
    source: string,
    plan: SourcePlan,
    result: SyncResult,
    { by, now }: { by: Actor; now: number }
  ): Promise<void> {
    const { notifier, changes } = this.#deps
    const emit = (name: `event:${'created' | 'deleted' | 'paused'}`, event: EventRecord) =>
      notifier.emit(name, eventNotice(event, by, now))
    result.added.forEach((event) => emit('event:created', event))
    for (const { before, after } of result.changed) {
      const change = plan.changes.get(before.id)
      if (change) {
        await changes.announce(before, after, { kind: change.kind, by, plan: change.plan, now })
      }
    }
    const gone = plan.missing === 'delete' ? 'event:deleted' : 'event:paused'
    result.removed.forEach((event) => emit(gone, event))
    notifier.emit('source:synced', syncedNotice(source, result, plan.problems, now))
  }
}

function syncedNotice(
  source: string,
  result: SyncResult,
  problems: SourceProblem[],
  now: number
): AlmanacEvents['source:synced'] {
  const { added, changed, removed, unchanged } = result
  return {
    source,
    added: added.length,
    changed: changed.length,
    removed: removed.length,
    unchanged,
    problems,
    at: toIso(now),
  }
}
