import type { ClockGap, ClockOverlap } from '../types/triggers.ts'
import type { FieldReader } from './field_reader.ts'
import type { ClockPolicy } from './zoned_series.ts'

const GAPS = ['after', 'shift', 'skip'] as const satisfies ClockGap[]
const OVERLAPS = ['first', 'second', 'both'] as const satisfies ClockOverlap[]

/** Reads `gap` and `overlap`; what is left out is the series' own way. */
export function readClockPolicy(reader: FieldReader, own: ClockPolicy): ClockPolicy {
  const gap = reader.oneOf('gap', GAPS)
  const overlap = reader.oneOf('overlap', OVERLAPS)
  return {
    gap: reader.has('gap') ? gap : own.gap,
    overlap: reader.has('overlap') ? overlap : own.overlap,
  }
}

const GAP_WORDS = {
  after: 'a time that a clock change leaves out runs right after it',
  shift: 'a time that a clock change leaves out runs later by as much',
  skip: 'a time that a clock change leaves out does not run',
}
const OVERLAP_WORDS = {
  first: 'a time that is shown twice runs the first time',
  second: 'a time that is shown twice runs the second time',
  both: 'a time that is shown twice runs both times',
}

/** The policies that a trigger names, in words. */
export function clockPolicyWords({ gap, overlap }: Partial<ClockPolicy>): string[] {
  return [...(gap ? [GAP_WORDS[gap]] : []), ...(overlap ? [OVERLAP_WORDS[overlap]] : [])]
}
