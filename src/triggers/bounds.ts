import { E_INVALID_INSTANT, E_TRIGGER_STUCK } from '../errors.ts'
import type { CompiledTrigger } from './compiled.ts'
import type { FieldReader } from './field_reader.ts'
import { MAX_INSTANT, MIN_INSTANT, toIso } from './instant.ts'

/** Both in epoch ms and inclusive; null for no bound. */
export interface Bounds {
  startsAt: number | null
  endsAt: number | null
}

export function readBounds(reader: FieldReader): Bounds {
  const bounds = { startsAt: reader.instant('startsAt'), endsAt: reader.instant('endsAt') }
  if (bounds.startsAt !== null && bounds.endsAt !== null && bounds.endsAt < bounds.startsAt) {
    reader.problem('endsAt', 'it lies before startsAt; give a later instant or leave it out')
  }
  return bounds
}

/**
 * Keeps a series between its bounds and within the years 1 to 9999, and
 * guards every caller's loop: a slot that does not advance is an error.
 */
export function bounded(series: CompiledTrigger, bounds: Bounds): CompiledTrigger {
  const first = Math.max(MIN_INSTANT, bounds.startsAt ?? MIN_INSTANT)
  const last = Math.min(MAX_INSTANT, bounds.endsAt ?? MAX_INSTANT)
  return {
    next(after) {
      if (Number.isNaN(after)) {
        throw new E_INVALID_INSTANT(['after', String(after)])
      }
      const from = Math.max(Math.floor(after), first - 1)
      const slot = from < last ? series.next(from) : null
      if (slot !== null && slot <= from) {
        throw new E_TRIGGER_STUCK([toIso(slot), toIso(from)])
      }
      return slot !== null && slot <= last ? slot : null
    },
  }
}
