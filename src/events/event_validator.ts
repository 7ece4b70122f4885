import { readAfter, type ParentReference } from './after.ts'
import { MAX_TEXT, object, refuseOthers } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import {
  FIELD_DEFAULTS,
  FIELD_READERS,
  checkMerged,
  type EventDefinition,
  type EventField,
  type FieldContext,
} from './event_fields.ts'
import type { Actor, EventRecord } from '../types/events.ts'

const FIELDS = Object.keys(FIELD_READERS) as EventField[]
const REQUIRED: Partial<Record<EventField, string>> = {
  name: 'give the event a name, unique in its source',
  handler: 'name the handler to run',
  trigger: 'say when it runs, such as { kind: "cron", expression: "0 6 * * *", timezone: "UTC" }',
}

/** A whole definition, every field set. */
export interface ValidEvent {
  definition: EventDefinition
  enabled: boolean
  /** null where nothing is said. */
  after: ParentReference[] | null
}

/**
 * Reads the input of a new event.
 *
 * @param alsoKnown fields beside the definition that the caller reads itself
 * @throws E_INVALID_INPUT with every problem at once
 */
export function validateEvent(
  input: unknown,
  context: FieldContext,
  alsoKnown: string[] = []
): ValidEvent {
  const problems = new Problems()
  const given = withTrigger(asObject(input, problems))
  refuseOthers('', given, [...FIELDS, 'enabled', 'after', ...alsoKnown], problems.report)
  const read = readGiven(given, context, problems)
  for (const [field, message] of Object.entries(REQUIRED)) {
    if (given[field] === undefined || given[field] === null) {
      problems.report(field, given[field], message)
    }
  }
  const enabled = given.enabled ?? true
  if (typeof enabled !== 'boolean') {
    problems.report('enabled', enabled, 'write true or false')
  }
  const after = isGiven(given.after) ? readAfter(given.after, problems.report) : null
  const definition = { ...FIELD_DEFAULTS, ...read } as EventDefinition
  checkMerged(definition, problems.report, context)
  problems.throwAny(subjectOf(given))
  return {
    definition,
    enabled: enabled as boolean,
    after,
  }
}

/** What runs after others needs no slots of its own. */
function withTrigger(given: Record<string, unknown>): Record<string, unknown> {
  const follows = isGiven(given.after) && !(Array.isArray(given.after) && given.after.length === 0)
  return follows && !isGiven(given.trigger) ? { ...given, trigger: { kind: 'manual' } } : given
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

/**
 * Reads a change: only the fields that are given, null meaning the default.
 *
 * @param event what is changed, so that the whole can be judged too
 * @throws E_INVALID_INPUT with every problem at once
 */
export function validateChange(
  input: unknown,
  context: FieldContext,
  subject: string,
  event?: EventRecord
): Partial<EventDefinition> {
  const problems = new Problems()
  const given = asObject(input, problems)
  refuseOthers('', given, FIELDS, problems.report)
  for (const [field, message] of Object.entries(REQUIRED)) {
    if (given[field] === null) {
      problems.report(field, null, message)
    }
  }
  const read = readGiven(given, context, problems)
  if (event) {
    checkMerged({ ...event, ...read }, problems.report, context)
  }
  problems.throwAny(subject)
  return read
}

/**
 * Who does something, for the journal.
 *
 * @throws E_INVALID_INPUT when it is no name
 */
export function validateActor(by: Actor): Actor {
  const problems = new Problems()
  if (typeof by !== 'string' || by.trim() === '' || by.length > MAX_TEXT) {
    problems.report('by', by, `name who does it, in 1 to ${MAX_TEXT} characters`)
  }
  problems.throwAny('The actor')
  return by
}

/** Reads the fields that are given; null stands for the default. */
function readGiven(
  given: Record<string, unknown>,
  context: FieldContext,
  problems: Problems
): Partial<EventDefinition> {
  const entries = FIELDS.filter((field) => given[field] !== undefined).map((field) => [
    field,
    given[field] === null
      ? (FIELD_DEFAULTS as Partial<EventDefinition>)[field]
      : FIELD_READERS[field](given[field], problems.report, context),
  ])
  return Object.fromEntries(entries) as Partial<EventDefinition>
}

function asObject(input: unknown, problems: Problems): Record<string, unknown> {
  const remedy = 'give an object with name, handler and trigger'
  return object('event', input, remedy, problems.report)
}

function subjectOf(given: Record<string, unknown>): string {
  return typeof given.name === 'string' ? `Event "${given.name}"` : 'The event'
}
