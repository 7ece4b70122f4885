import { E_INVALID_TRIGGER } from '../errors.ts'
import type { Trigger, TriggerBounds, TriggerKind } from '../types/triggers.ts'
import { bounded, readBounds } from './bounds.ts'
import type { Bounds } from './bounds.ts'
import { calendar } from './calendar.ts'
import { NEVER } from './compiled.ts'
import type { CompiledTrigger, Series } from './compiled.ts'
import { cron } from './cron.ts'
import { applyExclusions, asExclusions, calendarsOf, readExclusions } from './exclude.ts'
import type { CalendarResolver, ReadExclusions } from './exclude.ts'
import { FieldReader, isObject, shown } from './field_reader.ts'
import { frequency } from './frequency.ts'
import { interval } from './interval.ts'
import { readJitter } from './jitter.ts'
import { asIso, asMilliseconds } from './kind.ts'
import type { FieldForm, TriggerKindDefinition } from './kind.ts'
import { manual } from './manual.ts'
import { once } from './once.ts'
import { sharedWords } from './shared_words.ts'

export type { CompiledTrigger } from './compiled.ts'

/** The table of kinds. */
const KINDS: { [Kind in TriggerKind]: TriggerKindDefinition<Extract<Trigger, { kind: Kind }>> } = {
  manual,
  once,
  interval,
  cron,
  calendar,
  frequency,
}

/** The fields that every kind may carry, in stored form. */
const SHARED_FIELDS = {
  startsAt: asIso,
  endsAt: asIso,
  exclude: asExclusions,
  jitter: asMilliseconds,
} satisfies Record<keyof TriggerBounds, FieldForm>

/** Where a trigger without a first bound is looked at for a slot. */
const REFERENCE = Date.UTC(2000, 0, 1)

/** A trigger that was read: what it computes, and all that was found on the way. */
export interface TriggerReading {
  reader: FieldReader
  /** Not to be used while the reader holds an error. */
  series: CompiledTrigger
}

export function readTrigger(
  trigger: unknown,
  resolve: CalendarResolver = calendarsOf()
): TriggerReading {
  const source = isObject(trigger) ? trigger : {}
  const reader = new FieldReader(source)
  const kind = kindOf(trigger)
  if (kind === null) {
    const words = Object.keys(KINDS).join(', ')
    reader.problem('kind', `give an object whose kind is one of ${words}`)
    return { reader, series: NEVER }
  }
  const definition = KINDS[kind]
  reader.refuseOthers(['kind', ...Object.keys(definition.fields), ...Object.keys(SHARED_FIELDS)])
  const bounds = readBounds(reader)
  const exclusions = readExclusions(reader, resolve)
  readJitter(reader)
  const series = definition.read(reader, bounds)
  if (series === null || reader.neverFires) {
    return { reader, series: NEVER }
  }
  return { reader, series: assemble({ reader, series, bounds, exclusions }) }
}

/** Puts exclusions and bounds onto the series of a kind. */
function assemble({ reader, series, bounds, exclusions }: Parts): CompiledTrigger {
  const within = (inner: CompiledTrigger) =>
    bounded(series.bounds ? bounded(inner, series.bounds) : inner, bounds)
  const result = within(applyExclusions(series, exclusions, reader))
  if (exclusions !== null && !reader.error) {
    const from = (bounds.startsAt ?? series.bounds?.startsAt ?? REFERENCE) - 1
    const whole = within(applyExclusions(series, null, reader))
    if (result.next(from) === null && whole.next(from) !== null) {
      reader.never(
        'exclude',
        'it leaves no slot at all; exclude less, or move the slots by its policy'
      )
    }
  }
  return result
}

interface Parts {
  reader: FieldReader
  series: Series
  bounds: Bounds
  exclusions: ReadExclusions | null
}

/**
 * Parses a trigger. One whose day can never occur compiles too, and has no slots.
 *
 * @param resolve finds the calendars that it names; without one there are none
 * @throws E_INVALID_TRIGGER, E_INVALID_INSTANT, E_INVALID_DURATION naming the first field at fault
 * @throws E_UNKNOWN_FREQUENCY_CODE for a frequency trigger
 */
export function compileTrigger(trigger: Trigger, resolve?: CalendarResolver): CompiledTrigger {
  const { reader, series } = readTrigger(trigger, resolve)
  if (reader.error) {
    throw reader.error
  }
  return series
}

/**
 * The form in which a trigger is stored: JSON, with instants as ISO UTC texts,
 * durations in ms, and the fields in one order, so that equal triggers give
 * equal texts. Apart from these values it does not validate.
 *
 * @throws E_INVALID_TRIGGER when the kind is unknown; E_INVALID_INSTANT, E_INVALID_DURATION
 */
export function normalizeTrigger<Kind extends Trigger>(trigger: Kind): Kind {
  const kind = kindOf(trigger)
  if (kind === null) {
    throw new E_INVALID_TRIGGER(['kind', shown(trigger), 'write a known kind'])
  }
  const forms: Record<string, FieldForm> = { ...KINDS[kind].fields, ...SHARED_FIELDS }
  const source: Record<string, unknown> = { ...trigger }
  const stored: Record<string, unknown> = { kind }
  for (const [name, form] of Object.entries(forms)) {
    const value = form(source[name], `trigger.${name}`)
    if (value !== undefined) {
      stored[name] = value
    }
  }
  return stored as unknown as Kind
}

/**
 * A trigger in English words, with its zone, bounds, exclusions and policies.
 *
 * @throws what compileTrigger throws
 */
export function describeTrigger(trigger: Trigger, resolve?: CalendarResolver): string {
  compileTrigger(trigger, resolve)
  const stored = normalizeTrigger(trigger)
  const definition: TriggerKindDefinition<never> = KINDS[stored.kind]
  return `${definition.describe(stored as never)}${sharedWords(stored)}`
}

function kindOf(trigger: unknown): TriggerKind | null {
  const kind = isObject(trigger) ? trigger.kind : null
  return typeof kind === 'string' && Object.hasOwn(KINDS, kind) ? (kind as TriggerKind) : null
}
