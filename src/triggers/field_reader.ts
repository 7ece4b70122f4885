import { inspect } from 'node:util'
import { toMilliseconds } from '../duration.ts'
import type { Duration } from '../duration.ts'
import { E_INVALID_TRIGGER } from '../errors.ts'
import type { Instant } from '../types/json.ts'
import type { Problem } from '../types/triggers.ts'
import { toInstant } from './instant.ts'
import { ZONE_REMEDY, findZone } from './wall_clock.ts'
import type { Zone } from './wall_clock.ts'

const LONGEST_VALUE = 80

/**
 * Reads the fields of one trigger and gathers everything that is wrong, so
 * that the same reading serves compiling (the first problem is thrown) and
 * validating (all are returned).
 */
export class FieldReader {
  readonly problems: Problem[] = []
  /** Why the trigger cannot be compiled; null while nothing stands against it. */
  error: Error | null = null
  /** True when the trigger is sound in form but has no slot, ever. */
  neverFires = false
  /** What a person should know of a trigger that is valid. */
  readonly warnings: string[] = []

  readonly #source: Record<string, unknown>
  readonly #path: string

  /** @param path what the names of fields begin with in a problem */
  constructor(source: Record<string, unknown>, path = 'trigger') {
    this.#source = source
    this.#path = path
  }

  get(name: string): unknown {
    return this.#source[name]
  }

  has(name: string): boolean {
    return this.#source[name] !== undefined && this.#source[name] !== null
  }

  /** Notes a fault of form: the trigger cannot be compiled. */
  problem(name: string, remedy: string, error?: Error): void {
    const value = this.#note(name, remedy)
    this.error ??= error ?? new E_INVALID_TRIGGER([name, value, remedy])
  }

  /** Notes a value with which no slot ever comes: refused when saved, empty in a preview. */
  never(name: string, remedy: string): void {
    this.#note(name, remedy)
    this.neverFires = true
  }

  required(name: string, remedy: string): void {
    if (!this.has(name)) {
      this.problem(name, remedy)
    }
  }

  text(name: string, remedy: string): string | null {
    const value = this.get(name)
    if (typeof value === 'string' && value.trim() !== '') {
      return value
    }
    this.problem(name, remedy)
    return null
  }

  zone(name: string): Zone | null {
    const text = this.text(name, ZONE_REMEDY)
    const zone = text === null ? null : findZone(text)
    if (text !== null && !zone) {
      this.problem(name, `the zone is unknown; ${ZONE_REMEDY}`)
    }
    return zone
  }

  instant(name: string): number | null {
    const remedy =
      'give a Date, epoch milliseconds, or an ISO text with its offset such as "2026-03-01T06:00:00Z"'
    return this.#parse(name, remedy, (value) => toInstant(value as Instant, `trigger.${name}`))
  }

  duration(name: string): number | null {
    const remedy = 'give milliseconds, or a text such as "15s", "5m", "1h30m"'
    return this.#parse(name, remedy, (value) => toMilliseconds(value as Duration, name))
  }

  /** A number of at least `min` and at most `max`, or `fallback` when the field is absent. */
  integer(name: string, range: { min: number; max: number; fallback: number }): number {
    if (!this.has(name)) {
      return range.fallback
    }
    const value = this.get(name)
    if (isIntegerIn(value, range)) {
      return value
    }
    this.problem(name, `give a whole number from ${range.min} to ${range.max}`)
    return range.fallback
  }

  /** One of the given words; the first when the field is absent and not required. */
  oneOf<Word extends string>(name: string, words: readonly Word[], required = false): Word {
    const value = this.get(name)
    const found = words.find((word) => word === value)
    if (found === undefined && (required || this.has(name))) {
      this.problem(name, `write ${words.map((word) => `"${word}"`).join(' or ')}`)
    }
    return found ?? words[0]
  }

  /**
   * A list that is not empty, each item turned by `parse` (null: not valid).
   * Returns [] when the field is absent or at fault.
   */
  list(name: string, remedy: string, parse: (item: unknown) => number | null): number[] {
    if (!this.has(name)) {
      return []
    }
    const value = this.get(name)
    const items = Array.isArray(value) ? value.map(parse) : []
    const valid = items.filter((item) => item !== null)
    if (items.length === 0 || valid.length < items.length) {
      this.problem(name, remedy)
      return []
    }
    return [...new Set(valid)].sort((a, b) => a - b)
  }

  /** Takes over the problems that the reader of a nested object found. */
  adopt(problems: Problem[]): void {
    const prefix = `${this.#path}.`
    for (const { field, value, message } of problems) {
      this.problems.push({ field, value, message })
      const name = field.startsWith(prefix) ? field.slice(prefix.length) : field
      this.error ??= new E_INVALID_TRIGGER([name, value, message])
    }
  }

  /** Reports the fields that the trigger's kind does not know. */
  refuseOthers(known: readonly string[]): void {
    for (const name of Object.keys(this.#source)) {
      if (!known.includes(name)) {
        this.problem(name, `the field is unknown; the fields here are ${known.join(', ')}`)
      }
    }
  }

  #parse(name: string, remedy: string, parse: (value: unknown) => number): number | null {
    if (!this.has(name)) {
      return null
    }
    try {
      return parse(this.get(name))
    } catch (error) {
      this.problem(name, remedy, error instanceof Error ? error : undefined)
      return null
    }
  }

  #note(name: string, message: string): string {
    const value = shown(this.get(name))
    this.problems.push({ field: `${this.#path}.${name}`, value, message })
    return value
  }
}

export function isIntegerIn(value: unknown, range: { min: number; max: number }): value is number {
  return Number.isInteger(value) && Number(value) >= range.min && Number(value) <= range.max
}

/** A value as a message shows it, shortened. */
export function shown(value: unknown): string {
  const text =
    value !== null && typeof value === 'object'
      ? inspect(value, { depth: 1, maxArrayLength: 10, breakLength: Infinity })
      : String(value)
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
