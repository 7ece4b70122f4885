import { errors } from '@vinejs/vine'
import { Problems } from '../../input/problems.ts'
import type { Problem } from '../../types/triggers.ts'
import { messages, type BodySchema } from './schemas.ts'

type Fields = Record<string, unknown>

/** A request's body, and what is wrong with its shape. */
export interface Body {
  fields: Fields
  shape: readonly Problem[]
}

/** Reads a body by its schema. What is wrong is returned, to be told with what the facade finds. */
export async function readBody(schema: BodySchema, body: unknown): Promise<Body> {
  try {
    return { fields: await schema.validate(body, { messagesProvider: messages }), shape: [] }
  } catch (error) {
    if (!(error instanceof errors.E_VALIDATION_ERROR)) {
      throw error
    }
    const fields = isFields(body) ? body : {}
    const problems = new Problems()
    for (const { field, message } of error.messages as { field: string; message: string }[]) {
      const [name, value] = field === '' ? ['body', body] : [field, fields[field]]
      problems.report(name, value, message)
    }
    return { fields, shape: problems.list }
  }
}

function isFields(body: unknown): body is Fields {
  return body !== null && typeof body === 'object' && !Array.isArray(body)
}
