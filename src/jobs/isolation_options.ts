import { E_INVALID_HANDLER } from '../errors.ts'
import { duration, integer, object, oneOf, refuseOthers } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import type { HandlerOptions, Isolation } from '../types/handlers.ts'

const GRACE = 5_000
/** What V8 cannot do with less of, and what no machine has, MiB. */
const MEMORY = { min: 16, max: 1_048_576 }

/**
 * Reads `isolate` and `module` of a handler. An isolated handler is imported
 * anew where it runs, so its module must be known.
 *
 * @throws E_INVALID_HANDLER with every problem at once
 */
export function readIsolation(name: string, options: HandlerOptions): Isolation | null {
  const { isolate } = options
  if (isolate === undefined || isolate === null) {
    return null
  }
  const problems = new Problems()
  const { report } = problems
  const given =
    typeof isolate === 'string'
      ? { in: isolate }
      : object('options.isolate', isolate, 'give "process", "thread" or an object', report)
  const prefix = 'options.isolate.'
  refuseOthers(prefix, given, ['in', 'memory', 'grace'], report)
  const field = typeof isolate === 'string' ? 'options.isolate' : `${prefix}in`
  const { memory = null, grace = GRACE } = given as Record<string, unknown>
  const read = {
    in: oneOf(field, given.in, ['process', 'thread'], report)!,
    memory: memory === null ? null : integer(`${prefix}memory`, memory, MEMORY, report)!,
    grace: duration(`${prefix}grace`, grace, 1, report)!,
    module: readModule(options.module, report)!,
  }
  if (problems.list.length > 0) {
    const told = problems.list.map((one) => `${one.field} is ${one.value}; ${one.message}`)
    throw new E_INVALID_HANDLER([name, told.join(' · ')])
  }
  return read
}

function readModule(module: unknown, report: Problems['report']): string | undefined {
  const text = module instanceof URL ? module.href : module
  if (typeof text === 'string' && URL.canParse(text) && new URL(text).protocol === 'file:') {
    return text
  }
  const remedy =
    'an isolated handler is imported anew: put its class into the handlers folder, or give import.meta.url of the module that exports it'
  report('options.module', module, remedy)
  return undefined
}
