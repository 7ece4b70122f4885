import type { ConfigReader } from '../config/reader.ts'
import { ConfigReader as Reader, shown } from '../config/reader.ts'
import { E_INVALID_CONFIG } from '../errors.ts'
import type { HandlerReference } from '../types/handlers.ts'

/** MAPREFs that config names: a text in which `*` stands for any characters, or a RegExp. */
export interface MaprefPattern {
  /** As config gives it. */
  pattern: string
  matches(mapref: string): boolean
}

const REMEDY = 'give a MAPREF, a text with "*" for any characters, or a RegExp'

/** @throws E_INVALID_CONFIG */
export function readPatterns(reader: ConfigReader, key: string): MaprefPattern[] {
  const values = listOf(reader, key)
  return values.map((value, index) => patternOf(value, `${reader.pathOf(key)}[${index}]`))
}

/** One pattern. @throws E_INVALID_CONFIG */
export function readPattern(reader: ConfigReader, key: string): MaprefPattern {
  return patternOf(reader.take(key), reader.pathOf(key))
}

/** @throws E_INVALID_CONFIG */
export function readHandlers(
  reader: ConfigReader
): (MaprefPattern & { handler: HandlerReference })[] {
  return listOf(reader, 'handlers').map((value, index) => {
    const entry = new Reader(value, `${reader.pathOf('handlers')}[${index}]`)
    const pattern = readPattern(entry, 'mapref')
    const handler = readHandler(entry, 'handler')
    entry.end()
    return { ...pattern, handler }
  })
}

/** @throws E_INVALID_CONFIG */
export function readHandler(entry: ConfigReader, key: string): HandlerReference {
  const handler = entry.take(key)
  const isName = typeof handler === 'string' && handler !== ''
  const isClass = typeof handler === 'function' && typeof handler.prototype?.handle === 'function'
  return isName || isClass
    ? (handler as HandlerReference)
    : entry.refuse(key, 'give the name of a registered handler, or its class')
}

function listOf(reader: ConfigReader, key: string): unknown[] {
  const value = reader.take(key) ?? []
  return Array.isArray(value) ? value : reader.refuse(key, 'give a list')
}

function patternOf(value: unknown, path: string): MaprefPattern {
  if (value instanceof RegExp) {
    // A copy without g and y: those remember where the last test ended
    const expression = new RegExp(value.source, value.flags.replace(/[gy]/g, ''))
    return { pattern: String(value), matches: (mapref) => expression.test(mapref) }
  }
  if (typeof value !== 'string' || value === '') {
    throw new E_INVALID_CONFIG([path, shown(value), REMEDY])
  }
  const parts = value.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  const expression = new RegExp(`^${parts.join('.*')}$`, 's')
  return { pattern: value, matches: (mapref) => expression.test(mapref) }
}
