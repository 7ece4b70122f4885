import { shown, type ConfigReader } from '../config/reader.ts'
import { E_INVALID_CONFIG } from '../errors.ts'
import type { HandlerReference } from '../types/handlers.ts'
import { readHandler } from './config_patterns.ts'
import { ON_ERROR, type OnError } from './history/request.ts'
import { KNOWN_TYPES } from './request_types.ts'

/** How history loads of a source behave. */
export interface HistoryConfig {
  /** What a day that fails does to the days after it, where the request does not say it. */
  onError: OnError
}

/** @throws E_INVALID_CONFIG */
export function readHistoryConfig(reader: ConfigReader): HistoryConfig {
  const history = { onError: reader.oneOf('onError', 'stop', ON_ERROR) }
  reader.end()
  return history
}

const TYPE = /^[a-z][a-z0-9_]{0,29}$/i

/**
 * Handlers of further request types, by type in upper case.
 *
 * @throws E_INVALID_CONFIG
 */
export function readRequestTypes(reader: ConfigReader): Map<string, HandlerReference> {
  const types = new Map<string, HandlerReference>()
  for (const key of reader.keys()) {
    const type = key.toUpperCase()
    if (!TYPE.test(key)) {
      const remedy = 'name a type of 1 to 30 letters, digits and _, such as FILE_UPLOAD'
      throw new E_INVALID_CONFIG([reader.pathOf(key), shown(key), remedy])
    }
    if (KNOWN_TYPES.includes(type) || types.has(type)) {
      const remedy = `give a type once, and none of ${KNOWN_TYPES.join(', ')}`
      throw new E_INVALID_CONFIG([reader.pathOf(key), shown(key), remedy])
    }
    types.set(type, readHandler(reader, key))
  }
  return types
}
