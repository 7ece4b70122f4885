import type { ColumnSpec } from '../preset.ts'
import type { TableDialect } from './dialect.ts'

/**
 * What a declared type holds. `any`: the declaration does not bind the value;
 * `day`: a date without a time of day; `bytes`: a text that is read as one.
 */
export type Holds = 'any' | 'number' | 'text' | 'json' | 'bytes' | 'day' | 'moment' | 'other'

const FITS: Readonly<Record<ColumnSpec['type'], readonly Holds[]>> = {
  number: ['any', 'number'],
  text: ['any', 'text'],
  clob: ['any', 'text', 'json', 'bytes'],
  date: ['any', 'moment', 'day', 'text'],
  timestamp: ['any', 'moment', 'day', 'text'],
}

const WORDS: Readonly<Record<ColumnSpec['type'], string>> = {
  number: 'a number',
  text: 'a text',
  clob: 'a long text',
  date: 'a date with its time',
  timestamp: 'a timestamp',
}

/** The first kind whose pattern fits a declared type. */
export function holding(patterns: readonly (readonly [Holds, RegExp])[], type: string): Holds {
  return patterns.find(([, pattern]) => pattern.test(type))?.[0] ?? 'other'
}

/** Whether values of this column can be kept in one of that declared type (upper case). */
export function fits(spec: ColumnSpec, type: string, dialect: TableDialect): boolean {
  const holds = dialect.holds(type)
  const isNumeric = spec.numeric === true && holds === 'number'
  return (isNumeric || FITS[spec.type].includes(holds)) && isLongEnough(spec, type, dialect)
}

/** A key that was cut would be another key. */
function isLongEnough({ atLeast }: ColumnSpec, type: string, dialect: TableDialect): boolean {
  const length = dialect.textLimit(type)?.length
  return atLeast === undefined || length === undefined || length >= atLeast
}

/** What a column should be, in words. */
export function wanted({ type, atLeast, numeric }: ColumnSpec): string {
  const what = numeric ? `${WORDS[type]} or a number` : WORDS[type]
  return atLeast === undefined ? what : `${what} of at least ${atLeast} characters`
}
