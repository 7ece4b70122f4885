import { createHash } from 'node:crypto'
import { toMilliseconds } from '../duration.ts'
import type { Trigger } from '../types/triggers.ts'
import { DAY } from './civil_date.ts'
import type { FieldReader } from './field_reader.ts'

const LONGEST = DAY

export function readJitter(reader: FieldReader): void {
  const jitter = reader.duration('jitter')
  if (jitter !== null && !(jitter >= 0 && jitter <= LONGEST)) {
    reader.problem('jitter', 'give at most a day, as milliseconds or a text such as "30s", "5m"')
  }
}

/**
 * How long the run of a slot waits behind it, in ms: a part of the trigger's
 * jitter that hangs on the event and the slot alone, so that every node and
 * every repetition gives the same. Shorter than the time to the next slot, so
 * that runs become available in the order of their slots.
 *
 * @param next the trigger's own: the first slot after an instant
 */
export function jitterOf(
  trigger: Trigger,
  eventId: string,
  slot: number,
  next: (after: number) => number | null
): number {
  const jitter = toMilliseconds(trigger.jitter ?? 0, 'jitter')
  if (jitter <= 0) {
    return 0
  }
  const following = next(slot)
  const longest = following === null ? jitter : Math.min(jitter, following - slot - 1)
  return Math.floor(fraction(`${eventId}:${slot}`) * (longest + 1))
}

/** A number in [0, 1) that a text stands for. */
function fraction(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32
}
