import { E_INVALID_CONFIG, E_INVALID_FLAG } from '../errors.ts'
import type { CoreConfig } from '../types/config.ts'
import { type ConfigReader, shown } from './reader.ts'

/** In the object form: every queue that is not named. */
const OTHERS = '*'
const REMEDY =
  'give a list of queue names, an object such as { loads: { concurrency: 2 } }, or null for all'

type Queues = Pick<CoreConfig, 'queues' | 'queuePlaces'>

/**
 * Reads which queues a node works on, and the places that some of them have
 * for themselves among its concurrency.
 *
 * @throws E_INVALID_CONFIG
 */
export function readQueues(reader: ConfigReader, concurrency: number): Queues {
  const value = reader.take('queues')
  if (value === undefined || value === null || Array.isArray(value)) {
    const queues = reader.texts('queues', REMEDY, (name) => name !== '')
    return queues?.length === 0
      ? reader.refuse('queues', REMEDY)
      : { queues: queues ?? null, queuePlaces: {} }
  }
  if (typeof value !== 'object' || Object.keys(value).length === 0 || '' in value) {
    return reader.refuse('queues', REMEDY)
  }
  const section = reader.section('queues')
  const queuePlaces = readPlaces(section)
  const names = section.keys()
  checkPlaces(names, queuePlaces, concurrency)
  return { queues: names.includes(OTHERS) ? null : names, queuePlaces }
}

function readPlaces(section: ConfigReader): Record<string, number> {
  const places: Record<string, number> = {}
  for (const name of section.keys()) {
    const queue = section.section(name)
    if (queue.take('concurrency') !== undefined) {
      if (name === OTHERS) {
        queue.refuse('concurrency', 'leave it out: the other queues share the places that are left')
      }
      places[name] = queue.number('concurrency', 1, { min: 1 })
    }
    queue.end()
  }
  return places
}

/** All places must be there, and some left for queues without places of their own. */
function checkPlaces(names: string[], places: Record<string, number>, concurrency: number): void {
  const taken = Object.values(places).reduce((sum, each) => sum + each, 0)
  const sharing = names.filter((name) => places[name] === undefined)
  const needed = taken + (sharing.length > 0 ? 1 : 0)
  if (needed > concurrency) {
    const left = sharing.length > 0 ? `, and one for ${sharing.join(', ')}` : ''
    const remedy = `the queues take ${taken} places${left}, this node has ${concurrency}; raise concurrency or give fewer`
    throw new E_INVALID_CONFIG(['queues', shown(places), remedy])
  }
}

/** What the command line says of the queues of its process. */
export interface QueueFlags {
  /** In place of those of the config. */
  queues?: string[]
  queuePlaces?: Record<string, number>
}

/**
 * The config key `queues` with what the command line says over it.
 *
 * @throws E_INVALID_FLAG when a queue gets places that the process does not work on
 */
export function withQueueFlags(config: unknown, { queues, queuePlaces = {} }: QueueFlags): unknown {
  if (queues === undefined && Object.keys(queuePlaces).length === 0) {
    return config
  }
  const before = byName(config)
  if (before === null) {
    // Refused under its own name when it is read
    return config
  }
  const names = queues ?? Object.keys(before)
  const merged = Object.fromEntries(names.map((name) => [name, before[name] ?? {}]))
  for (const [name, concurrency] of Object.entries(queuePlaces)) {
    if (!names.includes(name) && !names.includes(OTHERS)) {
      const remedy = `this process works on ${names.join(', ')}; add ${name} to --queues, or leave it out`
      throw new E_INVALID_FLAG(['concurrency', `${name}=${concurrency}`, remedy])
    }
    merged[name] = { concurrency }
  }
  return merged
}

function byName(config: unknown): Record<string, unknown> | null {
  if (config === undefined || config === null) {
    return { [OTHERS]: {} }
  }
  if (Array.isArray(config)) {
    return Object.fromEntries(config.map((name) => [String(name), {}]))
  }
  return typeof config === 'object' ? (config as Record<string, unknown>) : null
}
