import { object, refuseOthers, type Report } from '../input/fields.ts'
import { shown } from '../triggers/field_reader.ts'
import type { Progress } from '../types/handlers.ts'

/** Longest message kept, in characters. */
const MAX_MESSAGE = 500
const FIELDS = ['percent', 'message', 'done', 'total'] as const
const REMEDY = 'give a percentage, or an object such as { done: 3, total: 10, message: "loading" }'

/**
 * Reads what a handler says of its progress; a number is a percentage. What is
 * not finite (0 of 0) says nothing and is left out. What cannot be read is left
 * out as well, and reported: a slip in it must not end the work.
 */
export function readProgress(progress: unknown, report: Report): Progress {
  const given: Record<string, unknown> =
    typeof progress === 'number'
      ? { percent: progress }
      : object('progress', progress, REMEDY, report)
  refuseOthers('progress.', given, FIELDS, report)
  const number = (field: 'percent' | 'done' | 'total') => readNumber(field, given[field], report)
  const [percent, done, total] = [number('percent'), number('done'), number('total')]
  const message = readMessage(given.message, report)
  return {
    ...(percent !== undefined && { percent: Math.min(100, Math.max(0, percent)) }),
    ...(message !== undefined && { message }),
    ...(done !== undefined && { done }),
    ...(total !== undefined && { total }),
  }
}

/** What the execution's log says of a progress that could not be read. */
export function progressProblem(...[field, value, message]: Parameters<Report>): string {
  return `${field} (${shown(value)}) was left out: ${message}`
}

function readNumber(field: string, value: unknown, report: Report): number | undefined {
  if (value === undefined || value === null) {
    return undefined
  }
  if (typeof value !== 'number') {
    report(`progress.${field}`, value, 'give a number')
    return undefined
  }
  return Number.isFinite(value) ? value : undefined
}

function readMessage(value: unknown, report: Report): string | undefined {
  if (value === undefined || value === null) {
    return undefined
  }
  if (typeof value !== 'string') {
    report('progress.message', value, 'give a text')
    return undefined
  }
  return value.slice(0, MAX_MESSAGE).toWellFormed()
}
