import { nearestName } from '../config/did_you_mean.ts'
import * as fields from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { Failed } from '../jobs/outcome.ts'

/**
 * Reads the payload of a built-in handler field by field and gathers what is
 * wrong with it. `finish` tells all of it at once. Null is the same as missing.
 */
export class PayloadReader {
  readonly #given: Record<string, unknown>
  readonly #prefix: string
  readonly #problems: Problems
  readonly #known: string[] = []

  constructor(payload: unknown, parent?: { problems: Problems; prefix: string }) {
    this.#problems = parent?.problems ?? new Problems()
    this.#prefix = parent ? `${parent.prefix}.` : ''
    const field = parent?.prefix ?? 'payload'
    this.#given = fields.object(field, payload, 'give an object', this.#problems.report)
  }

  readonly report: fields.Report = (field, value, message) =>
    this.#problems.report(`${this.#prefix}${field}`, value, message)

  take(field: string): unknown {
    this.#known.push(field)
    return Object.hasOwn(this.#given, field) ? (this.#given[field] ?? undefined) : undefined
  }

  text(field: string, max: number, remedy?: string): string | undefined {
    const value = this.take(field)
    if (value === undefined) {
      return remedy === undefined ? undefined : this.#missing(field, remedy)
    }
    const found = fields.text(field, value, max, this.report)
    return found === undefined ? undefined : this.#clean(field, found)
  }

  /** One of the names that config allows. */
  name(field: string, allowed: Iterable<string>, what: string): string | undefined {
    const names = [...allowed]
    const value = this.take(field)
    if (typeof value === 'string' && names.includes(value)) {
      return value
    }
    const near = typeof value === 'string' ? nearestName(value, names) : null
    const list = names.length === 0 ? 'config allows none' : `config allows ${names.join(', ')}`
    this.report(field, value, `name ${what}: ${near ? `did you mean "${near}"?` : list}`)
    return undefined
  }

  /** A list of texts; [] when it is missing. */
  texts(field: string, { count, max }: { count: number; max: number }): string[] {
    const value = this.take(field) ?? []
    if (!Array.isArray(value) || value.length > count) {
      this.report(field, value, `give a list of at most ${count} texts`)
      return []
    }
    return value.flatMap((one, index) => {
      const fits = typeof one === 'string' && one.length <= max
      if (!fits) {
        this.report(`${field}[${index}]`, one, `give a text of at most ${max} characters`)
        return []
      }
      return this.#clean(`${field}[${index}]`, one) ?? []
    })
  }

  boolean(field: string, fallback: boolean): boolean {
    const value = this.take(field) ?? fallback
    if (typeof value !== 'boolean') {
      this.report(field, value, 'write true or false')
    }
    return value === true
  }

  integer(field: string, range: { min: number; max: number }): number | undefined {
    const value = this.take(field)
    return value === undefined ? undefined : fields.integer(field, value, range, this.report)
  }

  /** @returns whole ms */
  duration(field: string, max: number): number | undefined {
    const value = this.take(field)
    const ms = value === undefined ? undefined : fields.duration(field, value, 1, this.report)
    if (ms !== undefined && ms > max) {
      this.report(field, value, `give at most ${max} ms`)
    }
    return ms
  }

  oneOf<Word extends string>(field: string, fallback: Word, words: readonly Word[]): Word {
    const value = this.take(field) ?? fallback
    return fields.oneOf(field, value, words, this.report) ?? fallback
  }

  /** Readers of the objects of a list. */
  list(field: string, count: number): PayloadReader[] {
    const value = this.take(field)
    if (!Array.isArray(value) || value.length === 0 || value.length > count) {
      this.report(field, value, `give a list of 1 to ${count} objects`)
      return []
    }
    return value.map(
      (one, index) =>
        new PayloadReader(one, {
          problems: this.#problems,
          prefix: `${this.#prefix}${field}[${index}]`,
        })
    )
  }

  /** Reports the fields that nobody read. */
  end(): void {
    fields.refuseOthers('', this.#given, this.#known, this.report)
  }

  /**
   * Reports the fields that nobody read, and throws when anything was wrong.
   *
   * @throws Failed, with E_INVALID_INPUT as its cause: the same payload would fail again
   */
  finish(handler: string): void {
    this.end()
    try {
      this.#problems.throwAny(`The payload of "${handler}"`)
    } catch (error) {
      throw new Failed((error as Error).message, { cause: error })
    }
  }

  #missing(field: string, remedy: string): undefined {
    this.report(field, undefined, remedy)
  }

  /** No program, path or header takes a NUL. */
  #clean(field: string, text: string): string | undefined {
    if (!text.includes('\0')) {
      return text
    }
    this.report(field, text, 'remove the NUL character')
    return undefined
  }
}
