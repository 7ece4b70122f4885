import { instant, integer, MAX_COUNT, object, oneOf, refuseOthers } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { EXECUTION_STATES } from '../types/executions.ts'
import type { Report } from '../input/fields.ts'
import type { ExecutionFilter } from '../storage/contract.ts'
import type { Instant } from '../types/json.ts'

/** An execution filter whose bounds may be given as any instant. */
export type HistoryFilter = Omit<ExecutionFilter, 'from' | 'to'> & { from?: Instant; to?: Instant }

const TEXTS = [
  'eventId',
  'handler',
  'queue',
  'concurrencyKey',
  'dedupeKey',
  'subject',
  'node',
  'before',
] as const
const NAMES = [...TEXTS, 'states', 'from', 'to', 'limit'] as const

/**
 * Reads the filter of a history; null stands for left out.
 *
 * @param not fields that the caller decides on
 * @throws E_INVALID_INPUT with every problem at once
 */
export function readHistoryFilter(
  filter: unknown,
  not: readonly (typeof NAMES)[number][] = []
): ExecutionFilter {
  const problems = new Problems()
  const { report } = problems
  const given = object('filter', filter, 'give an object, or leave it out', report)
  const names = NAMES.filter((name) => !not.includes(name))
  refuseOthers('', given, names, report)
  const isGiven = (name: string) => given[name] !== undefined && given[name] !== null
  const read = Object.fromEntries(
    names.filter(isGiven).map((name) => [name, readField(name, given[name], report)])
  )
  const { from, to }: ExecutionFilter = read
  if (from !== undefined && to !== undefined && from > to) {
    report('from', given.from, 'it lies after "to"; give an instant before it')
  }
  problems.throwAny('The filter of the history')
  return read
}

function readField(name: (typeof NAMES)[number], value: unknown, report: Report): unknown {
  switch (name) {
    case 'states':
      return readStates(value, report)
    case 'from':
    case 'to':
      return instant(name, value, report)
    case 'limit':
      return integer('limit', value, { min: 1, max: MAX_COUNT }, report)
    default:
      return typeof value === 'string' ? value : report(name, value, 'give a text')
  }
}

function readStates(value: unknown, report: Report): unknown {
  return Array.isArray(value)
    ? value.map((state, index) => oneOf(`states[${index}]`, state, EXECUTION_STATES, report))
    : report('states', value, 'give a list of states, such as ["failed", "missed"]')
}
