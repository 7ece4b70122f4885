import { duration, object, oneOf, refuseOthers } from '../../input/fields.ts'
import { Problems } from '../../input/problems.ts'
import type { Duration } from '../../duration.ts'
import type { EventInput } from '../../types/events.ts'

/** A definition as an API gives it. */
export type PulledDefinition = EventInput & {
  /** Unique in the answer; it outlives renames. Default: the name. */
  key?: string
  /** Changes exactly when the definition does. Default: the hash of its JSON. */
  hash?: string
}

export interface PullerOptions {
  /** Letters, digits, `.`, `_`, `-`, at most 80. The events belong to the source `api:<name>`. */
  name: string
  /** Gets the whole set. The signal aborts at the timeout and at the stop of the process. */
  fetch: (signal: AbortSignal) => Promise<PulledDefinition[]> | PulledDefinition[]
  /** Between two answers. Default `1m`. */
  interval?: Duration
  /** Longest wait for an answer. Default `30s`. */
  timeout?: Duration
  /** What becomes of an event that the answer no longer has. Default `pause`. */
  missing?: 'pause' | 'delete'
  /** Takes an empty answer for an empty set. Default false: it counts as a failure where there were events. */
  allowEmpty?: boolean
  /** Longest wait after failures. Default: 15 minutes, or the interval where that is longer. */
  maxBackoff?: Duration
}

export type ReadPuller = Required<PullerOptions> & {
  source: string
  /** ms */
  interval: number
  timeout: number
  maxBackoff: number
}

const NAMES = [
  'name',
  'fetch',
  'interval',
  'timeout',
  'missing',
  'allowEmpty',
  'maxBackoff',
] as const
const NAME = /^[\w.-]{1,80}$/
const MAX_BACKOFF = 900_000

/** @throws E_INVALID_INPUT with every problem at once */
export function readPuller(options: unknown): ReadPuller {
  const problems = new Problems()
  const { report } = problems
  const given = object('options', options, 'give an object with name and fetch', report)
  refuseOthers('', given, NAMES, report)
  const { name, fetch, missing = 'pause', allowEmpty = false } = given
  if (typeof name !== 'string' || !NAME.test(name)) {
    report('name', name, 'give 1 to 80 letters, digits, ".", "_" or "-"')
  }
  if (typeof fetch !== 'function') {
    report('fetch', fetch, 'give a function that returns the definitions')
  }
  if (typeof allowEmpty !== 'boolean') {
    report('allowEmpty', allowEmpty, 'write true or false')
  }
  const interval = duration('interval', given.interval ?? '1m', 1, report)!
  const longest = given.maxBackoff ?? Math.max(MAX_BACKOFF, interval ?? 0)
  const read = {
    name: name as string,
    source: `api:${name as string}`,
    fetch: fetch as PullerOptions['fetch'],
    interval,
    timeout: duration('timeout', given.timeout ?? '30s', 1, report)!,
    missing: oneOf('missing', missing, ['pause', 'delete'], report)!,
    allowEmpty: allowEmpty as boolean,
    maxBackoff: duration('maxBackoff', longest, 1, report)!,
  }
  problems.throwAny('The puller')
  return read
}
