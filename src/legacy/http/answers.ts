import { E_INVALID_INPUT, E_LEGACY_CONFLICT } from '../../errors.ts'
import type { Problem } from '../../types/triggers.ts'

/** What the host answers, as the old contract has it. */
export interface Answer {
  status: number
  body: { success: false; message: string; errors?: Problem[] }
  /** It is no fault of the caller's: the log gets it whole. */
  unexpected: boolean
}

/** The old refusal to run what runs already. */
export class JobRunning extends Error {
  constructor(mapref: string) {
    super(`${mapref} : Job is already running`)
  }
}

export const FORBIDDEN: Answer = {
  status: 403,
  body: { success: false, message: 'You may not do this' },
  unexpected: false,
}

/**
 * The answer to an error. What the database says stays in the log: it may
 * hold statements and values.
 *
 * @param names the old field of each field of the facade
 * @param shape what Vine found; dropped where the facade says more of the field
 */
export function answerOf(
  error: unknown,
  { names, shape }: { names: Record<string, string>; shape: readonly Problem[] }
): Answer {
  if (error instanceof E_INVALID_INPUT) {
    const errors = error.problems.map(({ field, ...rest }) => ({
      field: names[field] ?? field,
      ...rest,
    }))
    const told = errors.filter((_, at) => !isRepeated(error.problems[at], errors, at, shape))
    const message = told.map((each) => `${each.field} (${each.value}): ${each.message}`).join('; ')
    return refusal(400, message, told)
  }
  if (error instanceof JobRunning) {
    return refusal(400, error.message)
  }
  if (error instanceof E_LEGACY_CONFLICT) {
    return refusal(409, error.message)
  }
  const message = 'The request could not be carried out; the log of the server says why'
  return { ...refusal(500, message), unexpected: true }
}

function isRepeated(
  problem: Problem,
  errors: Problem[],
  at: number,
  shape: readonly Problem[]
): boolean {
  const { field } = errors[at]
  return (
    shape.includes(problem) && errors.some((other, place) => place !== at && other.field === field)
  )
}

function refusal(status: number, message: string, errors?: Problem[]): Answer {
  const body = { success: false as const, message, ...(errors && { errors }) }
  return { status, body, unexpected: false }
}
