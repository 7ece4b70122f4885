import { toMilliseconds } from '../duration.ts'
import type { PruneRule } from '../storage/contract.ts'
import type { RetentionConfig } from '../types/config.ts'
import type { Outcome } from '../types/executions.ts'
import type { HandlerOptions, Retention } from '../types/handlers.ts'

type Overrides = NonNullable<HandlerOptions['retention']>

export interface RetentionSources {
  config: RetentionConfig
  /** What handlers say in their own options, by name. */
  handlers: Map<string, Overrides>
  /** Ids of the events of a name that has a rule of its own. */
  eventIds: Map<string, string[]>
}

/**
 * The rules by which ended executions are deleted, per outcome: one in
 * general, one per handler, one per event that has its own. The narrowest
 * holds, whole: an event's before a handler's before the general one; of a
 * handler the one in config before the one in its options.
 */
export function pruneRules(sources: RetentionSources): PruneRule[] {
  const outcomes = Object.keys(sources.config.outcomes) as Outcome[]
  return outcomes.flatMap((outcome) => rulesOf(outcome, sources))
}

function rulesOf(outcome: Outcome, sources: RetentionSources): PruneRule[] {
  const handlers = handlerRules(outcome, sources)
  const events = eventRules(outcome, sources)
  const exceptHandlers = [...handlers.keys()]
  const exceptEvents = [...events.keys()]
  const rules: PruneRule[] = [
    {
      ...bounds(sources.config.outcomes[outcome]),
      outcome,
      handler: null,
      eventId: null,
      exceptHandlers,
      exceptEvents,
    },
  ]
  for (const [handler, retention] of handlers) {
    rules.push({ ...bounds(retention), outcome, handler, eventId: null, exceptEvents })
  }
  for (const [eventId, retention] of events) {
    rules.push({ ...bounds(retention), outcome, handler: null, eventId })
  }
  return rules.filter(({ age, count }) => age !== null || count !== null)
}

function handlerRules(
  outcome: Outcome,
  { config, handlers }: RetentionSources
): Map<string, Retention> {
  const rules = new Map<string, Retention>()
  const all: [string, Overrides | undefined][] = [
    ...handlers,
    ...Object.entries(config.handlers ?? {}),
  ]
  for (const [handler, overrides] of all) {
    const retention = overrides?.[outcome]
    if (retention) {
      rules.set(handler, retention)
    }
  }
  return rules
}

function eventRules(
  outcome: Outcome,
  { config, eventIds }: RetentionSources
): Map<string, Retention> {
  const rules = new Map<string, Retention>()
  for (const [name, overrides] of Object.entries(config.events ?? {})) {
    const retention = overrides?.[outcome]
    for (const id of retention ? (eventIds.get(name) ?? []) : []) {
      rules.set(id, retention!)
    }
  }
  return rules
}

function bounds({ age, count }: Retention): Pick<PruneRule, 'age' | 'count'> {
  const unbounded = age === undefined || age === 'forever'
  return {
    age: unbounded ? null : toMilliseconds(age, 'retention age'),
    count: count ?? null,
  }
}
