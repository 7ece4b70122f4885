/** A number that a driver may return as text; null for what is empty or no number. */
export function toNumber(value: unknown): number | null {
  if (value === null || value === undefined || value === '') {
    return null
  }
  const number = Number(value)
  return Number.isNaN(number) ? null : number
}

/** A text that may come as a number (a code in a numeric column); null when empty. */
export function toText(value: unknown): string | null {
  if (value === null || value === undefined) {
    return null
  }
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value)
  return text === '' ? null : text
}

/** How many rows an update or delete changed; drivers and Lucid wrap the count differently. */
export function affectedRows(result: unknown): number {
  const first: unknown = Array.isArray(result) ? result[0] : result
  return toNumber(first) ?? 0
}

/** Quotes the parts of a name (`schema.table`) with a database's mark. */
export function quotedWith(mark: '"' | '`'): (name: string) => string {
  const part = (name: string) => mark + name.replaceAll(mark, mark + mark) + mark
  return (name) => name.split('.').map(part).join('.')
}

/** A name as configured, then as databases fold names that nobody quoted, each part by itself. */
export function spellings(name: string): string[] {
  const parts = name
    .split('.')
    .map((part) => [...new Set([part, part.toLowerCase(), part.toUpperCase()])])
  return parts.reduce((heads, tails) =>
    heads.flatMap((head) => tails.map((tail) => `${head}.${tail}`))
  )
}

/** Question marks for the values of a list. */
export function marks(count: number): string {
  return `(${Array.from({ length: count }, () => '?').join()})`
}

/** Parts of a list, none longer than `size`. */
export function chunked<T>(list: readonly T[], size: number): T[][] {
  const parts: T[][] = []
  for (let start = 0; start < list.length; start += size) {
    parts.push(list.slice(start, start + size))
  }
  return parts
}

/** A collation may find what is spelled otherwise: whose row that is, only a look for one tells. */
export function asAsked(found: (string | null)[], maprefs: string[]): string[] {
  const asked = new Set<string | null>(maprefs)
  const other = found.find((mapref) => !asked.has(mapref))
  if (other !== undefined) {
    throw new Error(
      `the database takes MAPREF "${other}" for another spelling of one that was asked for`
    )
  }
  return found as string[]
}
