import { E_INVALID_CONFIG, E_INVALID_FLAG } from '../errors.ts'
import type { CoreConfig, QueueSettings } from '../types/config.ts'
import { type ConfigReader, shown } from './reader.ts'

/** In the object form: every queue that is not named. */
const OTHERS = '*'
const REMEDY =
  'give a list of queue names, an object such as { loads: { concurrency: 2 } }, or null for all'

/** Handed over and not begun, of one queue and one node. */
const AHEAD = 500

type Queues = Pick<CoreConfig, 'queues' | 'queuePlaces' | 'queueSettings'>

/**
 * Reads which queues a node works on, the places that some of them have for
 * themselves among its concurrency, and what runs them.
 *
 * @throws E_INVALID_CONFIG
 */
export function readQueues(reader: ConfigReader, concurrency: number): Queues {
  const value = reader.take('queues')
  if (value === undefined || value === null || Array.isArray(value)) {
    const queues = reader.texts('queues', REMEDY, (name) => name !== '')
    return queues?.length === 0
      ? reader.refuse('queues', REMEDY)
      : { queues: queues ?? null, queuePlaces: {}, queueSettings: {} }
  }
  if (typeof value !== 'object' || Object.keys(value).length === 0 || '' in value) {
    return reader.refuse('queues', REMEDY)
  }
  const section = reader.section('queues')
  const names = section.keys()
  const named = names.filter((name) => name !== OTHERS)
  const { [OTHERS]: others, ...read } = Object.fromEntries(
    names.map((name) => [name, readQueue(section.section(name), name)])
  )
  const queuePlaces = placesOf(read)
  const queueSettings = Object.fromEntries(named.map((name) => [name, read[name].settings]))
  const ownNames = named.filter((name) => queueSettings[name].executor === 'node')
  checkPlaces(others ? [...ownNames, OTHERS] : ownNames, queuePlaces, concurrency)
  return { queues: others ? null : named, queuePlaces, queueSettings }
}

interface Queue {
  /** Places of its own, where it has some. */
  places: number | null
  settings: QueueSettings
}

function readQueue(reader: ConfigReader, name: string): Queue {
  const settings: QueueSettings = {
    executor: reader.oneOf('executor', 'node', ['node', 'queue']),
    ahead: reader.number('ahead', AHEAD, { min: 1, max: 10_000 }),
  }
  const hasPlaces = reader.take('concurrency') !== undefined
  if (hasPlaces && name === OTHERS) {
    reader.refuse('concurrency', 'leave it out: the other queues share the places that are left')
  }
  if (settings.executor === 'queue' && (hasPlaces || name === OTHERS)) {
    const remedy = hasPlaces
      ? 'leave it out: the workers of the other engine say how many run at once'
      : 'name the queues that another engine runs'
    reader.refuse(hasPlaces ? 'concurrency' : 'executor', remedy)
  }
  if (settings.executor === 'node' && reader.take('ahead') !== undefined) {
    reader.refuse('ahead', "leave it out, or give the queue executor: 'queue'")
  }
  const places = hasPlaces ? reader.number('concurrency', 1, { min: 1 }) : null
  reader.end()
  return { places, settings }
}

function placesOf(queues: Record<string, Queue>): Record<string, number> {
  const places = Object.entries(queues).map(([name, queue]) => [name, queue.places] as const)
  return Object.fromEntries(places.filter((entry): entry is [string, number] => entry[1] !== null))
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
    merged[name] = { ...(before[name] as object | undefined), concurrency }
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
