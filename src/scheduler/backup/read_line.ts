import { E_INVALID_INPUT } from '../../errors.ts'
import { validateEvent } from '../../events/event_validator.ts'
import { integer, object, oneOf, text, type Report } from '../../input/fields.ts'
import { Problems } from '../../input/problems.ts'
import type { ParentReference } from '../../events/after.ts'
import type { FieldContext } from '../../events/event_fields.ts'
import type { Problem } from '../../types/triggers.ts'
import { KEPT, type ExportedEvent } from './format.ts'

/** What is wrong with a line: it is refused alone. */
export interface LineProblem extends Problem {
  /** 1 is the header. */
  line: number
}

export interface ReadLine {
  line: number
  event: ExportedEvent
  /** What it runs after. */
  after: ParentReference[]
}

const STATUSES = ['active', 'paused', 'completed', 'cancelled'] as const
const WHOLE = { min: 0, max: Number.MAX_SAFE_INTEGER }

/** Longest texts of the store's columns. */
const MAX_ID = 64
const MAX_SOURCE = 100
const MAX_KEY = 255
const MAX_HASH = 128

const KEPT_READERS: Record<(typeof KEPT)[number], (value: unknown, report: Report) => unknown> = {
  id: (value, report) => text('id', value, MAX_ID, report),
  source: (value, report) => text('source', value, MAX_SOURCE, report),
  sourceKey: (value, report) => text('sourceKey', value, MAX_KEY, report),
  sourceHash: (value, report) => orNull(value, () => text('sourceHash', value, MAX_HASH, report)),
  status: (value, report) => oneOf('status', value, STATUSES, report),
  statusBy: (value, report) => oneOf('statusBy', value, ['user', 'source'], report),
  pausedAt: (value, report) => orNull(value, () => integer('pausedAt', value, WHOLE, report)),
  runCount: (value, report) => integer('runCount', value ?? 0, WHOLE, report),
  skippedSlot: (value = null, report) =>
    orNull(value, () => integer('skippedSlot', value, WHOLE, report)),
}

/** @returns the event of a line, or everything that is wrong with it */
export function readLine(content: string, line: number, context: FieldContext) {
  const problems = new Problems()
  const given = parseLine(content, problems)
  if (!given) {
    return { refused: problems.list.map((problem) => ({ line, ...problem })) }
  }
  const kept = Object.fromEntries(
    KEPT.map((field) => [field, KEPT_READERS[field](given[field], problems.report)])
  )
  if (given.enabled !== undefined) {
    problems.report('enabled', given.enabled, 'a line says it by its status; leave enabled out')
  }
  const rest = Object.fromEntries(
    Object.entries(given).filter(([field]) => !(KEPT as readonly string[]).includes(field))
  )
  const { definition, after, found } = readDefinition(rest, context)
  const refused = [...problems.list, ...found].map((problem) => ({ line, ...problem }))
  return refused.length > 0 || !definition
    ? { refused }
    : {
        read: {
          line,
          event: { ...kept, ...definition } as ExportedEvent,
          after,
        } satisfies ReadLine,
      }
}

function parseLine(content: string, problems: Problems): Record<string, unknown> | null {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (error) {
    const message = `it is not JSON (${(error as Error).message}); correct the line, or leave it out`
    problems.report('line', content, message)
    return null
  }
  const given = object('line', value, 'give one event as a JSON object', problems.report)
  return problems.list.length > 0 ? null : given
}

function readDefinition(rest: Record<string, unknown>, context: FieldContext) {
  try {
    const { definition, after } = validateEvent(rest, context)
    return { definition, after: after ?? [], found: [] }
  } catch (error) {
    if (error instanceof E_INVALID_INPUT) {
      return { definition: null, after: [], found: error.problems }
    }
    throw error
  }
}

function orNull<T>(value: unknown, read: () => T): T | null {
  return value === null ? null : read()
}
