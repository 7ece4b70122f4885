import { nearestName } from '../config/did_you_mean.ts'
import { parseJson, toJson } from '../json.ts'
import { laidOver, type Profiles } from '../loop/slot_payload.ts'
import { readMeta } from '../input/meta.ts'
import { readTags } from './event_tags.ts'
import {
  duration,
  integer,
  MAX_COUNT,
  MAX_RETRIES,
  MAX_TEXT,
  oneOf,
  refuseOthers,
  text,
  type Report,
} from '../input/fields.ts'
import type { EventRecord, MisfirePolicy } from '../types/events.ts'
import type { HandlerReference } from '../types/handlers.ts'
import type { JsonValue } from '../types/json.ts'
import type { Problem, Trigger } from '../types/triggers.ts'

/** The part of an event that its author writes. */
export type EventDefinition = Pick<
  EventRecord,
  | 'name'
  | 'handler'
  | 'payload'
  | 'profile'
  | 'trigger'
  | 'meta'
  | 'subject'
  | 'tags'
  | 'queue'
  | 'priority'
  | 'misfire'
  | 'overlap'
  | 'onResume'
  | 'concurrencyKey'
  | 'timeout'
  | 'retries'
  | 'maxRuns'
>

export type EventField = keyof EventDefinition

/** The definition of a stored event, its fields in one order. */
export function definitionOf(event: EventDefinition): EventDefinition {
  const fields = Object.keys(FIELD_READERS) as EventField[]
  return Object.fromEntries(fields.map((field) => [field, event[field]])) as EventDefinition
}

/** What the readers need to know of the outside. */
export interface FieldContext {
  triggers: {
    validate(trigger: unknown): Problem[]
    normalize(trigger: Trigger): Trigger
  }
  handlers: { has(name: string): boolean; nameOf(reference: HandlerReference): string }
  /** Bytes of JSON. */
  maxPayload: number
  maxMeta: number
  profiles: Profiles
  /** False where a handler may live on other nodes only: the definitions of a source. */
  knownHandlersOnly: boolean
}

type Reader<Field extends EventField> = (
  value: unknown,
  report: Report,
  context: FieldContext
) => EventDefinition[Field] | undefined

/** More catch-up runs than this are no schedule any more; half of what one tick computes. */
const MAX_CAP = 500

const DEFAULT_MISFIRE: MisfirePolicy = { policy: 'once', grace: 60_000, cap: 100 }

/** What an optional field is when its author says nothing. */
export const FIELD_DEFAULTS: Omit<EventDefinition, 'name' | 'handler' | 'trigger'> = {
  payload: null,
  profile: null,
  meta: null,
  subject: null,
  tags: [],
  queue: null,
  priority: null,
  misfire: DEFAULT_MISFIRE,
  overlap: 'wait',
  onResume: 'skip',
  concurrencyKey: null,
  timeout: null,
  retries: null,
  maxRuns: null,
}

/** Each reads one field and reports all that is wrong with it. */
export const FIELD_READERS: { [Field in EventField]: Reader<Field> } = {
  name: (value, report) => text('name', value, MAX_TEXT, report),
  handler: readHandler,
  payload: readPayload,
  profile: readProfile,
  trigger: readTrigger,
  meta: (value, report, { maxMeta }) => readMeta(value, maxMeta, report),
  subject: (value, report) => text('subject', value, MAX_TEXT, report),
  tags: (value, report) => readTags('tags', value, report),
  queue: (value, report) => text('queue', value, MAX_TEXT, report),
  priority: (value, report) => integer('priority', value, { min: 1, max: 10 }, report),
  misfire: readMisfire,
  overlap: (value, report) => oneOf('overlap', value, ['wait', 'skip', 'allow'], report),
  onResume: (value, report) => oneOf('onResume', value, ['skip', 'misfire'], report),
  concurrencyKey: (value, report) => text('concurrencyKey', value, MAX_TEXT, report),
  timeout: (value, report) => duration('timeout', value, 1, report),
  retries: (value, report) => integer('retries', value, { min: 0, max: MAX_RETRIES }, report),
  maxRuns: (value, report) => integer('maxRuns', value, { min: 1, max: MAX_COUNT }, report),
}

function readHandler(value: unknown, report: Report, context: FieldContext): string | undefined {
  if ((typeof value !== 'string' || value === '') && typeof value !== 'function') {
    report('handler', value, 'give the name of a handler, or its class')
    return undefined
  }
  const name = context.handlers.nameOf(value as HandlerReference)
  if (context.knownHandlersOnly && !context.handlers.has(name)) {
    report(
      'handler',
      name,
      'no handler is registered under this name; put its class into app/handlers, or call almanac.register(name, handler)'
    )
  }
  return name
}

function readPayload(value: unknown, report: Report, context: FieldContext): JsonValue | undefined {
  try {
    return parseJson(toJson(value, { field: 'payload', limit: context.maxPayload }))
  } catch (error) {
    report('payload', value, (error as Error).message)
    return undefined
  }
}

function readProfile(value: unknown, report: Report, context: FieldContext): string | undefined {
  const { profiles } = context
  if (typeof value === 'string' && Object.hasOwn(profiles, value)) {
    return value
  }
  const names = Object.keys(profiles)
  const near = typeof value === 'string' ? nearestName(value, names) : null
  const known = names.length === 0 ? 'none is defined' : `the profiles are ${names.join(', ')}`
  const hint = near === null ? known : `did you mean "${near}"?`
  report('profile', value, `name a payload of "profiles" in config/almanac.ts; ${hint}`)
  return undefined
}

/** A payload may be small enough by itself and too large over its profile. */
export function checkMerged(
  { payload, profile }: Pick<EventDefinition, 'payload' | 'profile'>,
  report: Report,
  { profiles, maxPayload }: FieldContext
): void {
  if (profile === null || payload === null || !Object.hasOwn(profiles, profile)) {
    return
  }
  const bytes = Buffer.byteLength(JSON.stringify(laidOver(profiles[profile], payload)))
  if (bytes > maxPayload) {
    const message = `over profile "${profile}" it has ${bytes} bytes of JSON, more than the ${maxPayload} allowed; shorten it`
    report('payload', payload, message)
  }
}

function readTrigger(value: unknown, report: Report, context: FieldContext): Trigger | undefined {
  const problems = context.triggers.validate(value)
  for (const problem of problems) {
    report(problem.field, problem.value, problem.message)
  }
  return problems.length > 0 ? undefined : context.triggers.normalize(value as Trigger)
}

function readMisfire(value: unknown, report: Report): MisfirePolicy | undefined {
  const given = typeof value === 'string' ? { policy: value } : value
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    report('misfire', value, 'give a policy, or an object { policy, grace, cap }')
    return undefined
  }
  refuseOthers('misfire.', given, ['policy', 'grace', 'cap'], report)
  const {
    policy,
    grace = DEFAULT_MISFIRE.grace,
    cap = DEFAULT_MISFIRE.cap,
  } = given as Record<string, unknown>
  const read = {
    policy: oneOf('misfire.policy', policy, ['once', 'skip', 'all', 'latest'], report),
    grace: duration('misfire.grace', grace, 0, report),
    cap: integer('misfire.cap', cap, { min: 1, max: MAX_CAP }, report),
  }
  return read.policy === undefined || read.grace === undefined || read.cap === undefined
    ? undefined
    : { policy: read.policy, grace: read.grace, cap: read.cap }
}
