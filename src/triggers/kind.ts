import { toMilliseconds } from '../duration.ts'
import type { Duration } from '../duration.ts'
import type { Instant } from '../types/json.ts'
import type { Trigger, TriggerBounds } from '../types/triggers.ts'
import type { Bounds } from './bounds.ts'
import type { Series } from './compiled.ts'
import type { FieldReader } from './field_reader.ts'
import { toInstant, toIso } from './instant.ts'

/** Turns the value of a field into what is stored; undefined leaves the field out. */
export type FieldForm = (value: unknown, path: string) => unknown

/**
 * What one kind of trigger knows of itself. A new kind is a file with one of
 * these and a line in the table of kinds.
 */
export interface TriggerKindDefinition<Kind extends Trigger> {
  /** The fields beside `kind` and the bounds, in the order and form they are stored. */
  fields: Record<Exclude<keyof Kind, 'kind' | keyof TriggerBounds>, FieldForm>

  /**
   * Reads the fields and returns the series of slots without regard to bounds
   * and exclusions, or null after having told the reader why there is none.
   */
  read(reader: FieldReader, bounds: Bounds): Series | null

  /** English words for a person, of a trigger in its stored form; what every kind may carry is left out. */
  describe(trigger: Kind): string
}

export const asGiven: FieldForm = (value) => value ?? undefined

export const asGivenOrNull: FieldForm = (value) => value ?? null

/** @throws E_INVALID_INSTANT */
export const asIso: FieldForm = (value, path) =>
  value === undefined || value === null ? undefined : toIso(toInstant(value as Instant, path))

/** @throws E_INVALID_DURATION */
export const asMilliseconds: FieldForm = (value, path) =>
  value === undefined || value === null ? undefined : toMilliseconds(value as Duration, path)
