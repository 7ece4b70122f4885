import { toIso } from '../triggers/instant.ts'
import { missedEntry } from '../loop/slot_notices.ts'
import type { ChangePlan } from './event_plan.ts'
import type { NewEvent } from '../storage/contract.ts'
import type { EventRecord } from '../types/events.ts'
import type { JournalKind, NewJournalEntry } from '../types/journal.ts'
import type { JsonObject, JsonValue } from '../types/json.ts'
import type { AlmanacEvents, EventNotice } from '../types/notifications.ts'

/** The part of an event that its author and its state make; counters are left out. */
const FACTS = [
  'name',
  'handler',
  'payload',
  'profile',
  'trigger',
  'meta',
  'subject',
  'tags',
  'queue',
  'priority',
  'misfire',
  'overlap',
  'onResume',
  'concurrencyKey',
  'timeout',
  'retries',
  'maxRuns',
  'status',
  'statusBy',
] as const

export type EventKind = Extract<JournalKind, `event.${string}`>

/** What the journal tells of an event: its definition and state, instants as ISO UTC texts. */
export function factsOf(event: NewEvent | EventRecord): JsonObject {
  const facts = FACTS.map((name) => [name, (event[name] ?? null) as unknown as JsonValue])
  return {
    ...Object.fromEntries(facts),
    nextRunAt: event.nextRunAt === null ? null : toIso(event.nextRunAt),
  }
}

export function createdEntry(actor: string, event: NewEvent): NewJournalEntry {
  return { kind: 'event.created', actor, subject: event.id, after: factsOf(event) }
}

export function deletedEntry(actor: string, event: EventRecord): NewJournalEntry {
  return { kind: 'event.deleted', actor, subject: event.id, before: factsOf(event) }
}

/** The rows of one change: what changed, then one row per missed range, then the end of the event. */
export function changeEntries(
  kind: EventKind,
  actor: string,
  before: EventRecord,
  plan: ChangePlan
): NewJournalEntry[] {
  const facts = { before: factsOf(before), after: factsOf({ ...before, ...plan.patch }) }
  const changed = Object.keys(facts.after).filter(
    (name) => JSON.stringify(facts.before[name]) !== JSON.stringify(facts.after[name])
  )
  const only = (all: JsonObject) => Object.fromEntries(changed.map((name) => [name, all[name]]))
  const subject = before.id
  const entry = { kind, actor, subject, before: only(facts.before), after: only(facts.after) }
  const missed = plan.missed.map((range) => missedEntry(actor, subject, range, plan.exact))
  return completes(before, plan) && kind !== 'event.completed'
    ? [entry, ...missed, { kind: 'event.completed', actor, subject }]
    : [entry, ...missed]
}

export function completes(before: EventRecord, plan: Pick<ChangePlan, 'patch'>): boolean {
  return plan.patch.status === 'completed' && before.status !== 'completed'
}

/** The notification that belongs to a kind of journal row. */
export function noticeName(kind: Exclude<EventKind, 'event.triggered' | 'event.problem'>) {
  return kind.replace('.', ':') as Exclude<
    Extract<keyof AlmanacEvents, `event:${string}`>,
    'event:problem'
  >
}

export function eventNotice(event: EventRecord, actor: string, now: number): EventNotice {
  const { id, name, source } = event
  return { eventId: id, name, source, at: toIso(now), actor }
}
