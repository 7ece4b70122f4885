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

/** Names of queues separated by commas, each once. */
export function queueNames(flag: string, value: string | undefined): string[] | undefined {
  const names = value?.split(',').map((name) => name.trim())
  const fits = names?.every((name) => name !== '') && new Set(names).size === names.length
  return names === undefined || fits
    ? names
    : refuse(flag, value, 'give names of queues separated by commas, each once')
}

/** `10`, `loads=2` or both: places of the process, and of single queues. */
export function concurrencyFlag(value: string | undefined): {
  concurrency?: number
  queuePlaces?: Record<string, number>
} {
  const flag = 'concurrency'
  const parts = value?.split(',').map((part) => part.trim()) ?? []
  const read = parts.map((part) => {
    const [, queue, places] = /^(?:(.+)=)?(\d+)$/.exec(part) ?? []
    if (places === undefined) {
      refuse(
        flag,
        part || value,
        'give a whole number, places of queues such as loads=2, or both with a comma'
      )
    }
    return { queue: queue?.trim(), places: wholeNumber(flag, Number(places))! }
  })
  const names = read.map(({ queue }) => queue)
  if (new Set(names).size < names.length) {
    refuse(flag, value, 'give one number for the process, and one for each queue')
  }
  const whole = read.find(({ queue }) => queue === undefined)
  const queues = read.flatMap(({ queue, places }) => (queue ? [[queue, places] as const] : []))
  return {
    ...(whole && { concurrency: whole.places }),
    ...(queues.length > 0 && { queuePlaces: Object.fromEntries(queues) }),
  }
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
