import { E_INVALID_INPUT } from '../errors.ts'
import { shown } from '../triggers/field_reader.ts'
import type { Problem } from '../types/triggers.ts'
import type { Report } from './fields.ts'

/** Gathers what is wrong. */
export class Problems {
  readonly #list: Problem[]

  /** @param found what is wrong already, told with the rest */
  constructor(found: readonly Problem[] = []) {
    this.#list = [...found]
  }

  get list(): readonly Problem[] {
    return this.#list
  }

  readonly report: Report = (field, value, message) => {
    this.#list.push({ field, value: named(value), message })
  }

  /** @throws E_INVALID_INPUT */
  throwAny(subject: string): void {
    if (this.#list.length > 0) {
      throw new E_INVALID_INPUT(subject, this.#list)
    }
  }
}

/** A value as a problem names it. */
function named(value: unknown): string {
  return typeof value === 'function' ? `function ${value.name}` : shown(value)
}
