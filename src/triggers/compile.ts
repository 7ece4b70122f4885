import { E_INVALID_TRIGGER } from '../errors.ts'
import type { Trigger, TriggerKind } from '../types/triggers.ts'
import { BOUND_FIELDS, bounded, readBounds } from './bounds.ts'
import { calendar } from './calendar.ts'
import { NEVER } from './compiled.ts'
import type { CompiledTrigger } from './compiled.ts'
import { cron } from './cron.ts'
import { FieldReader, shown } from './field_reader.ts'
import { frequency } from './frequency.ts'
import { interval } from './interval.ts'
import type { FieldForm, TriggerKindDefinition } from './kind.ts'
import { once } from './once.ts'

export type { CompiledTrigger } from './compiled.ts'

/** The table of kinds. */
const KINDS: { [Kind in TriggerKind]: TriggerKindDefinition<Extract<Trigger, { kind: Kind }>> } = {
  once,
  interval,
  cron,
  calendar,
  frequency,
}

/** A trigger that was read: what it computes, and all that was found on the way. */
export interface TriggerReading {
  reader: FieldReader
  /** Not to be used while the reader holds an error. */
  series: CompiledTrigger
}

export function readTrigger(trigger: unknown): TriggerReading {
  const source = isObject(trigger) ? trigger : {}
  const reader = new FieldReader(source)
  const kind = kindOf(trigger)
  if (kind === null) {
    const words = Object.keys(KINDS).join(', ')
    reader.problem('kind', `give an object whose kind is one of ${words}`)
    return { reader, series: NEVER }
  }
  const definition = KINDS[kind]
  reader.refuseOthers(['kind', ...Object.keys(definition.fields), ...Object.keys(BOUND_FIELDS)])
  const bounds = readBounds(reader)
  const series = definition.read(reader, bounds) ?? NEVER
  return { reader, series: reader.neverFires ? NEVER : bounded(series, bounds) }
}

/**
 * Parses a trigger. One whose day can never occur compiles too, and has no slots.
 *
 * @throws E_INVALID_TRIGGER, E_INVALID_INSTANT, E_INVALID_DURATION naming the first field at fault
 * @throws E_UNKNOWN_FREQUENCY_CODE, E_DIALECT_NOT_AVAILABLE for a frequency trigger
 */
export function compileTrigger(trigger: Trigger): CompiledTrigger {
  const { reader, series } = readTrigger(trigger)
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
  const forms: Record<string, FieldForm> = { ...KINDS[kind].fields, ...BOUND_FIELDS }
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
 * A trigger in English words, with its zone and bounds.
 *
 * @throws what compileTrigger throws
 */
export function describeTrigger(trigger: Trigger): string {
  compileTrigger(trigger)
  const stored = normalizeTrigger(trigger)
  const definition: TriggerKindDefinition<never> = KINDS[stored.kind]
  const from = stored.startsAt ? `, not before ${String(stored.startsAt)}` : ''
  const until = stored.endsAt ? `, not after ${String(stored.endsAt)}` : ''
  return `${definition.describe(stored as never)}${from}${until}`
}

function kindOf(trigger: unknown): TriggerKind | null {
  const kind = isObject(trigger) ? trigger.kind : null
  return typeof kind === 'string' && Object.hasOwn(KINDS, kind) ? (kind as TriggerKind) : null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
