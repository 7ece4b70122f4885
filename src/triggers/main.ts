import { E_INVALID_INPUT } from '../errors.ts'
import type { Instant } from '../types/json.ts'
import type { Problem, Trigger } from '../types/triggers.ts'
import { compileTrigger, readTrigger } from './compile.ts'
import type { CompiledTrigger } from './compile.ts'
import type { CalendarResolver } from './exclude.ts'
import { shown } from './field_reader.ts'
import { toInstant } from './instant.ts'

export { compileTrigger, describeTrigger, normalizeTrigger } from './compile.ts'
export type { CompiledTrigger } from './compile.ts'
export * from './builder.ts'
export { calendarsOf } from './exclude.ts'
export type { CalendarResolver } from './exclude.ts'
export { jitterOf } from './jitter.ts'

/** Where a preview begins, and how many slots it lists. */
export type PreviewOptions = { count: number } & (
  | { /** inclusive */ from: Instant; after?: undefined }
  | { /** exclusive */ after: Instant; from?: undefined }
)

/**
 * The slots of a trigger from an instant on (`from` inclusive, `after`
 * exclusive), at most `count`.
 *
 * @param calendars finds the calendars that the trigger names (see calendarsOf)
 * @throws E_INVALID_INPUT for the options; what compileTrigger throws for the trigger
 */
export function preview(
  trigger: Trigger,
  options: PreviewOptions,
  calendars?: CalendarResolver
): Date[] {
  return previewSlots(compileTrigger(trigger, calendars), options)
}

/** The same for a trigger that is compiled already. */
export function previewSlots(compiled: CompiledTrigger, options: PreviewOptions): Date[] {
  const { count, after } = readOptions(options)
  return take(compiled, after, Number.POSITIVE_INFINITY, count).map((slot) => new Date(slot))
}

/**
 * The first slot strictly after an instant, or null when there is none (epoch ms).
 *
 * @throws what compileTrigger throws
 */
export function nextSlot(
  trigger: Trigger,
  after: number,
  calendars?: CalendarResolver
): number | null {
  return compileTrigger(trigger, calendars).next(after)
}

/**
 * The slots between two instants, both inclusive, at most `limit` (epoch ms).
 *
 * @throws what compileTrigger throws
 */
export function slotsBetween(
  trigger: Trigger,
  from: number,
  to: number,
  limit: number,
  calendars?: CalendarResolver
): number[] {
  return take(compileTrigger(trigger, calendars), from - 1, to, limit)
}

/** Slots in (after, to] of a compiled trigger, at most `limit`. */
export function take(
  compiled: CompiledTrigger,
  after: number,
  to: number,
  limit: number
): number[] {
  const slots: number[] = []
  let slot = limit > 0 ? compiled.next(after) : null
  while (slot !== null && slot <= to) {
    slots.push(slot)
    slot = slots.length < limit ? compiled.next(slot) : null
  }
  return slots
}

/**
 * Everything that is wrong with a trigger of unknown origin, fields named
 * `trigger.<field>`; [] when it may be saved. Never throws.
 */
export function validateTrigger(trigger: unknown, calendars?: CalendarResolver): Problem[] {
  return readTrigger(trigger, calendars).reader.problems
}

/**
 * What a person should know of a trigger that is valid, such as a half-yearly
 * run of the 31st of which one month has none.
 */
export function triggerWarnings(trigger: Trigger, calendars?: CalendarResolver): string[] {
  return readTrigger(trigger, calendars).reader.warnings
}

function readOptions(options: PreviewOptions): { count: number; after: number } {
  const { from, after, count } = options
  const problems: Problem[] = []
  if (!Number.isSafeInteger(count) || count < 0) {
    problems.push({ field: 'count', value: shown(count), message: 'give a whole number' })
  }
  if ((from === undefined) === (after === undefined)) {
    const message = 'give either from (inclusive) or after (exclusive)'
    problems.push({ field: 'from', value: shown(from), message })
  }
  if (problems.length > 0) {
    throw new E_INVALID_INPUT('The preview', problems)
  }
  const start =
    from === undefined ? toInstant(after as Instant, 'after') : toInstant(from, 'from') - 1
  return { count, after: start }
}
