import { hostname } from 'node:os'
import { LOG_LEVELS } from '../types/handlers.ts'
import type { CoreConfig, ProcessRole } from '../types/config.ts'
import type { HandlerClass, HandlerFunction, RetryPolicy } from '../types/handlers.ts'
import { readCalendars } from './calendars.ts'
import { checkIntervals } from './intervals.ts'
import { ConfigReader } from './reader.ts'
import { readProfiles } from './profiles.ts'
import { readQueues } from './queues.ts'
import { readRetention } from './retention.ts'
import { readRetryPolicy } from './retry.ts'

const MIB = 1_048_576
/** Claimed ahead at most: it is handlers quick enough to begin it at once that let so much wait. */
const PREFETCH = 1_000
/** Between two looks at a queue that was busy just now, ms: what no store tells of is noticed then. */
const MIN_POLL = 50
/** A claim in a legacy table writes `<node>.<boot>.<claim>` into 64 characters. */
const NODE_NAME = /^[\w.-]{1,40}$/
const ROLES: readonly ProcessRole[] = ['web', 'console', 'test', 'repl']

/** What the host needs beside the core's config. */
export interface ShellConfig {
  core: CoreConfig
  roles: ProcessRole[]
  handlersFolder: string | null
  /** ms */
  syncInterval: number
}

/**
 * Reads everything of the config but its store and its legacy sources, sets
 * the defaults, and checks the values against each other.
 *
 * @throws E_INVALID_CONFIG
 */
export function readShell(reader: ConfigReader): ShellConfig {
  const concurrency = reader.number('concurrency', 10, { min: 1 })
  const maxPayload = reader.number('maxPayload', MIB, { min: 2 })
  const core: CoreConfig = {
    node: readNode(reader),
    enabled: reader.boolean('enabled', true),
    concurrency,
    prefetch: reader.number('prefetch', PREFETCH),
    ...readQueues(reader, concurrency),
    poll: readPoll(reader),
    lease: readLease(reader.section('lease'), 30_000),
    leader: readLease(reader.section('leader'), 15_000),
    leaderPriority: reader.number('leaderPriority', 0),
    maxClockSkew: reader.duration('maxClockSkew', 5_000, 100),
    tickBatch: reader.number('tickBatch', 500, { min: 1, max: 10_000 }),
    tickMax: reader.duration('tickMax', 1_000, 10),
    timeout: (reader.take('timeout') ?? null) === null ? null : reader.duration('timeout', 0),
    retry: readRetry(reader),
    locks: reader.oneOf('locks', 'auto', ['auto', 'store']),
    maxRescues: reader.number('maxRescues', 5),
    maxPayload,
    maxMeta: reader.number('maxMeta', 16_384, { min: 2 }),
    profiles: readProfiles(reader, maxPayload),
    changeCheckInterval: reader.duration('changeCheckInterval', 60_000, 1_000),
    maxResult: reader.number('maxResult', MIB / 4, { min: 2 }),
    logLevel: reader.oneOf('logLevel', 'trace', LOG_LEVELS),
    shutdown: readShutdown(reader.section('shutdown')),
    housekeeping: readHousekeeping(reader.section('housekeeping')),
    handlers: readHandlers(reader),
    calendars: readCalendars(reader),
  }
  const shell = {
    core,
    roles: readRoles(reader),
    handlersFolder: readFolder(reader),
    syncInterval: reader.duration('syncInterval', 60_000, 1_000),
  }
  checkIntervals(core, shell.syncInterval)
  return shell
}

function readNode(reader: ConfigReader): string {
  const value = reader.take('node')
  if (value === undefined || value === '') {
    return (
      hostname()
        .replace(/[^\w.-]/g, '-')
        .slice(0, 40) || 'node'
    )
  }
  const fits = typeof value === 'string' && NODE_NAME.test(value)
  return fits ? value : reader.refuse('node', 'give 1 to 40 letters, digits, ".", "_" or "-"')
}

/** A single duration is the longest wait. */
function readPoll(reader: ConfigReader): { min: number; max: number } {
  const value = reader.take('poll')
  if (value !== null && typeof value === 'object') {
    const section = reader.section('poll')
    const max = section.duration('max', 1_000, 10)
    const poll = { min: section.duration('min', Math.min(MIN_POLL, max), 1), max }
    section.end()
    return poll
  }
  const max = reader.duration('poll', 1_000, 10)
  return { min: Math.min(MIN_POLL, max), max }
}

/** `renew` follows `ttl` unless it is given. */
function readLease(reader: ConfigReader, fallback: number): { ttl: number; renew: number } {
  const ttl = reader.duration('ttl', fallback, 100)
  const lease = { ttl, renew: reader.duration('renew', Math.floor(ttl / 3), 10) }
  reader.end()
  return lease
}

function readRetry(reader: ConfigReader): RetryPolicy {
  const off = reader.take('retry') === false
  const section = off ? new ConfigReader({}, 'retry') : reader.section('retry')
  return readRetryPolicy(section, {
    retries: off ? 0 : 3,
    backoff: 'exponential',
    delay: 10_000,
    maxDelay: 900_000,
    jitter: 0.2,
  })
}

function readShutdown(reader: ConfigReader) {
  const shutdown = { deadline: reader.duration('deadline', 30_000, 0) }
  reader.end()
  return shutdown
}

function readHousekeeping(reader: ConfigReader): CoreConfig['housekeeping'] {
  const housekeeping = {
    interval: reader.duration('interval', 15_000, 1_000),
    batch: reader.number('batch', 500, { min: 1, max: 10_000 }),
    retention: readRetention(reader.section('retention')),
  }
  reader.end()
  return housekeeping
}

function readHandlers(reader: ConfigReader): CoreConfig['handlers'] {
  const section = reader.section('handlers')
  const handlers: CoreConfig['handlers'] = {}
  for (const name of section.keys()) {
    const handler = section.take(name)
    if (typeof handler !== 'function') {
      section.refuse(name, 'give a handler class or a function')
    }
    handlers[name] = handler as HandlerClass | HandlerFunction
  }
  return handlers
}

function readRoles(reader: ConfigReader): ProcessRole[] {
  const remedy = `give a list of ${ROLES.join(', ')}`
  const roles = reader.texts('roles', remedy, (role) => ROLES.includes(role as ProcessRole))
  return (roles ?? []) as ProcessRole[]
}

function readFolder(reader: ConfigReader): string | null {
  const value = reader.take('handlersFolder')
  if (value === undefined || value === null) {
    return value === null ? null : 'app/handlers'
  }
  const remedy = 'give a folder inside the app such as "app/handlers", or null'
  return typeof value === 'string' && value ? value : reader.refuse('handlersFolder', remedy)
}
