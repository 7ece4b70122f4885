import type { LegacySourceConfig } from './config.ts'

/** Claimed in a statement of their own, before all others. */
export const CONTROL_REQUESTS: readonly string[] = ['STOP', 'REFRESH_SCHEDULE']

/** What the adapter itself answers for, be it with the reason why it cannot. */
export const KNOWN_TYPES: readonly string[] = [
  'IMMEDIATE',
  'HISTORY',
  'REPORT',
  ...CONTROL_REQUESTS,
]

/**
 * Which types of requests a source takes. They are compared as the mapper
 * reads them: without spaces around them, in upper case.
 */
export class RequestTypes {
  /** Never touched: another program takes them. */
  readonly ignored: readonly string[]
  /** The only types that are taken; null: all, the unknown ones to refuse them. */
  readonly only: readonly string[] | null
  readonly controls: readonly string[]

  constructor({
    ignoreTypes,
    unknownTypes,
    requestTypes,
  }: Pick<LegacySourceConfig, 'ignoreTypes' | 'unknownTypes' | 'requestTypes'>) {
    this.ignored = ignoreTypes
    this.controls = CONTROL_REQUESTS.filter((type) => !ignoreTypes.includes(type))
    this.only = unknownTypes === 'leave' ? [...KNOWN_TYPES, ...requestTypes.keys()] : null
  }
}
