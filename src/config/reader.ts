import { inspect } from 'node:util'
import { toMilliseconds } from '../duration.ts'
import { E_INVALID_CONFIG } from '../errors.ts'
import { nearestName } from './did_you_mean.ts'

interface NumberRule {
  min?: number
  max?: number
  whole?: boolean
}

/**
 * Reads one section of a config object key by key, so that a wrong key or
 * value is refused under its full name. `end()` refuses the keys that nobody read.
 *
 * Every method throws E_INVALID_CONFIG.
 */
export class ConfigReader {
  readonly #values: Record<string, unknown>
  readonly #path: string
  readonly #known = new Set<string>()

  constructor(values: unknown, path = '') {
    if (values === null || typeof values !== 'object' || Array.isArray(values)) {
      throw new E_INVALID_CONFIG([path || 'the config', shown(values), 'give an object'])
    }
    this.#values = values as Record<string, unknown>
    this.#path = path
  }

  /** The full name of a key. */
  pathOf(key: string): string {
    return this.#path ? `${this.#path}.${key}` : key
  }

  /** The raw value; undefined when it is not given. */
  take(key: string): unknown {
    this.#known.add(key)
    return this.#values[key]
  }

  refuse(key: string, remedy: string): never {
    throw new E_INVALID_CONFIG([this.pathOf(key), shown(this.#values[key]), remedy])
  }

  number(key: string, fallback: number, rule: NumberRule = {}): number {
    const value = this.take(key) ?? fallback
    const { min = 0, max = Number.MAX_SAFE_INTEGER, whole = true } = rule
    const fits = typeof value === 'number' && value >= min && value <= max
    if (!fits || (whole && !Number.isInteger(value))) {
      const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
      this.refuse(key, `give a ${whole ? 'whole number' : 'number'} ${range}`)
    }
    return value
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.take(key) ?? fallback
    return typeof value === 'boolean' ? value : this.refuse(key, 'give true or false')
  }

  /** @returns whole ms */
  duration(key: string, fallback: number | string, min = 1): number {
    const value = this.take(key) ?? fallback
    const remedy = `give at least ${min} ms, as a number or a text such as "15s"`
    if (typeof value !== 'number' && typeof value !== 'string') {
      this.refuse(key, remedy)
    }
    let ms: number
    try {
      ms = toMilliseconds(value, this.pathOf(key))
    } catch (error) {
      throw new E_INVALID_CONFIG([this.pathOf(key), shown(value), remedy], { cause: error })
    }
    return ms < min ? this.refuse(key, remedy) : ms
  }

  oneOf<const T extends string>(key: string, fallback: T, allowed: readonly T[]): T {
    const value = (this.take(key) ?? fallback) as T
    return allowed.includes(value) ? value : this.refuse(key, `give one of ${allowed.join(', ')}`)
  }

  /** A list of texts, each accepted by `accepts`. */
  texts(key: string, remedy: string, accepts: (text: string) => boolean): string[] | undefined {
    const value = this.take(key)
    if (value === undefined || value === null) {
      return undefined
    }
    const fits = Array.isArray(value) && value.every((one) => typeof one === 'string')
    return fits && value.every(accepts) ? value : this.refuse(key, remedy)
  }

  /** The reader of a nested object; empty when it is not given. */
  section(key: string): ConfigReader {
    return new ConfigReader(this.take(key) ?? {}, this.pathOf(key))
  }

  /** The keys that are given. */
  keys(): string[] {
    return Object.keys(this.#values)
  }

  /** Refuses the keys that were not read. */
  end(): void {
    for (const key of this.keys()) {
      if (!this.#known.has(key)) {
        const near = nearestName(key, this.#known)
        const remedy = near
          ? `did you mean "${near}"?`
          : `the keys are ${[...this.#known].sort().join(', ')}`
        throw new E_INVALID_CONFIG([this.pathOf(key), 'not a known key', remedy])
      }
    }
  }
}

/** A value as a message shows it. */
export function shown(value: unknown): string {
  const text = inspect(value, { depth: 1, breakLength: Infinity })
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
