import { toMilliseconds } from '../src/duration.ts'
import { E_INVALID_FLAG } from '../src/errors.ts'
import type { JsonValue } from '../src/types/json.ts'

/** A flag that cannot be read, refused by its name. */
function refuse(flag: string, value: unknown, remedy: string): never {
  throw new E_INVALID_FLAG([flag, String(value), remedy])
}

/** A whole number of at least `min`. */
export function wholeNumber(flag: string, value: number | undefined, min = 1): number | undefined {
  if (value !== undefined && (!Number.isSafeInteger(value) || value < min)) {
    refuse(flag, value, `give a whole number of at least ${min}`)
  }
  return value
}

/** One of the allowed words. */
export function oneOf<const T extends string>(
  flag: string,
  value: string | undefined,
  allowed: readonly T[]
): T | undefined {
  if (value !== undefined && !allowed.includes(value as T)) {
    refuse(flag, value, `give one of ${allowed.join(', ')}`)
  }
  return value as T | undefined
}

/** Words separated by commas. */
export function list(value: string | undefined): string[] | undefined {
  const words = value?.split(',').map((word) => word.trim())
  return words?.filter((word) => word !== '')
}

export function jsonValue(flag: string, value: string | undefined): JsonValue | undefined {
  if (value === undefined) {
    return undefined
  }
  try {
    return JSON.parse(value) as JsonValue
  } catch (error) {
    return refuse(flag, value, `give JSON (${(error as Error).message})`)
  }
}

/** @returns ms */
export function duration(flag: string, value: string | undefined): number | undefined {
  return value === undefined ? undefined : toMilliseconds(value, `--${flag}`)
}
