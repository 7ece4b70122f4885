import { duration, integer, MAX_COUNT, object, refuseOthers, type Report } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { E_INVALID_HANDLER } from '../errors.ts'
import { OUTCOMES } from '../types/executions.ts'
import type { HandlerOptions, Retention } from '../types/handlers.ts'

const EXAMPLE = "give an object such as { succeeded: { age: '7d', count: 1000 } }"

/**
 * Reads how long ended executions of a handler are kept, by outcome. A rule
 * that cannot be read would stop the pruning of all others.
 *
 * @throws E_INVALID_HANDLER with every problem at once
 */
export function readRetention(
  name: string,
  { retention = {} }: HandlerOptions
): NonNullable<HandlerOptions['retention']> {
  const problems = new Problems()
  const { report } = problems
  const given = object('options.retention', retention, EXAMPLE, report)
  refuseOthers('options.retention.', given, OUTCOMES, report)
  const rules = OUTCOMES.filter((outcome) => given[outcome] !== undefined).map((outcome) => {
    const field = `options.retention.${outcome}`
    return [outcome, readRule(field, given[outcome], report)] as const
  })
  if (problems.list.length > 0) {
    const told = problems.list.map((one) => `${one.field} is ${one.value}; ${one.message}`)
    throw new E_INVALID_HANDLER([name, told.join(' · ')])
  }
  return Object.fromEntries(rules)
}

function readRule(field: string, value: unknown, report: Report): Retention {
  const given = object(field, value, EXAMPLE, report)
  refuseOthers(`${field}.`, given, ['age', 'count'], report)
  const { age = 'forever', count } = given
  const range = { min: 0, max: MAX_COUNT }
  return {
    age: age === 'forever' ? age : duration(`${field}.age`, age, 0, report),
    ...(count !== undefined && { count: integer(`${field}.count`, count, range, report) }),
  }
}
