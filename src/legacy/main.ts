/**
 * The public entry `adonisjs-almanac/legacy`: pure functions that need no app.
 */
export { frequencyTrigger } from './frequency_codes.ts'
export type { FrequencyOptions, FrequencyRow, LegacyDate, LegacyNumber } from './frequency_codes.ts'
