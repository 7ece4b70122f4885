import { E_INVALID_CONFIG } from '../errors.ts'
import { isObject } from '../triggers/field_reader.ts'
import { RULE_FIELDS, parseRules } from '../triggers/exclusion_rules.ts'
import type { ExclusionRules } from '../types/triggers.ts'
import type { ConfigReader } from './reader.ts'

/**
 * Reads `calendars`: the exclusions that triggers may name. Each must exclude something.
 *
 * @throws E_INVALID_CONFIG naming every entry at fault
 */
export function readCalendars(reader: ConfigReader): Record<string, ExclusionRules> {
  const section = reader.section('calendars')
  const calendars: Record<string, ExclusionRules> = {}
  for (const name of section.keys()) {
    const given = section.take(name)
    const remedy = `give an object with one or more of ${RULE_FIELDS.join(', ')}`
    if (!isObject(given) || Object.keys(given).length === 0) {
      return section.refuse(name, remedy)
    }
    refuseProblems(given, section.pathOf(name), remedy)
    calendars[name] = given
  }
  return calendars
}

function refuseProblems(given: Record<string, unknown>, path: string, remedy: string): void {
  const known: readonly string[] = RULE_FIELDS
  const unknown = Object.keys(given)
    .filter((field) => !known.includes(field))
    .map((field) => ({ field: `${path}.${field}`, value: 'not a known key', message: remedy }))
  const [first, ...others] = [...unknown, ...parseRules(given, path).problems]
  if (first) {
    const more = others.map(({ field, value, message }) => `; ${field} is ${value}; ${message}`)
    throw new E_INVALID_CONFIG([first.field, first.value, first.message + more.join('')])
  }
}
