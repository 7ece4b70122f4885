import { E_EMPTY_KEY } from '../errors.ts'
import {
  duration,
  instant,
  integer,
  MAX_RETRIES,
  MAX_TEXT,
  object,
  oneOf,
  refuseOthers,
  text,
  type Report,
} from '../input/fields.ts'
import { readMeta } from '../input/meta.ts'
import { Problems } from '../input/problems.ts'
import type { Duration } from '../duration.ts'
import type { DuplicateMode } from '../storage/contract.ts'
import type { Instant, JsonObject } from '../types/json.ts'

/** How an execution is enqueued; what is left out comes from the handler's options. */
export interface EnqueueOptions {
  /** The caller's transaction on the store's connection: the execution lives and dies with it. */
  client?: unknown
  /** Not before so long from now. */
  delay?: Duration
  /** Not before this instant. */
  availableAt?: Instant
  /** 1 first .. 10 last. */
  priority?: number
  queue?: string
  /** At most one open execution has this key; a second one is not inserted. */
  dedupeKey?: string
  /**
   * What a second one does while the first has not begun: `skip` leaves it as
   * it is, `replace` gives it the new payload and options, `extend` lets it
   * wait as long as the new one would. Default `skip`.
   */
  dedupe?: DuplicateMode
  /** Not begun so long after it became available, it ends as missed. */
  expiresIn?: Duration
  /** At most one execution with this key runs at a time. */
  concurrencyKey?: string
  /** Facts that are only kept, an object of at most `maxMeta` bytes of JSON. */
  meta?: JsonObject
  /** What it is about: the history can be narrowed to it. */
  subject?: string
  /** Longest run of one attempt. */
  timeout?: Duration
  /** Failed attempts after the first before it is over. */
  retries?: number
}

/** The options of one execution that are given; durations in ms, the instant in epoch ms. */
export interface ReadOptions {
  delay?: number
  availableAt?: number
  priority?: number
  queue?: string
  dedupeKey?: string
  dedupe?: DuplicateMode
  expiresIn?: number
  concurrencyKey?: string
  meta?: JsonObject
  subject?: string
  timeout?: number
  retries?: number
}

/** Longest key; its hash is what the store compares. */
const MAX_KEY = 1_000

const READERS: {
  [Name in keyof ReadOptions]-?: (
    value: unknown,
    report: Report,
    maxMeta: number
  ) => ReadOptions[Name]
} = {
  delay: (value, report) => duration('delay', value, 0, report),
  availableAt: (value, report) => instant('availableAt', value, report),
  priority: (value, report) => integer('priority', value, { min: 1, max: 10 }, report),
  queue: (value, report) => text('queue', value, MAX_TEXT, report),
  dedupeKey: (value, report) => text('dedupeKey', value, MAX_KEY, report),
  dedupe: (value, report) => oneOf('dedupe', value, ['skip', 'replace', 'extend'], report),
  expiresIn: (value, report) => duration('expiresIn', value, 1, report),
  concurrencyKey: (value, report) => text('concurrencyKey', value, MAX_KEY, report),
  meta: (value, report, maxMeta) => readMeta(value, maxMeta, report),
  subject: (value, report) => text('subject', value, MAX_TEXT, report),
  timeout: (value, report) => duration('timeout', value, 1, report),
  retries: (value, report) => integer('retries', value, { min: 0, max: MAX_RETRIES }, report),
}
const NAMES = Object.keys(READERS) as (keyof ReadOptions)[]

/**
 * Reads the options of one enqueued execution; null stands for left out.
 *
 * @throws E_INVALID_INPUT with every problem at once; E_EMPTY_KEY when an
 * empty key is all that is wrong
 */
export function readOptions(handler: string, options: unknown, maxMeta: number): ReadOptions {
  const problems = new Problems()
  const { report } = problems
  const given = object('options', options, 'give an object of options, or leave it out', report)
  refuseOthers('', given, ['client', ...NAMES], report)
  const isGiven = (name: string) => given[name] !== undefined && given[name] !== null
  const read = Object.fromEntries(
    NAMES.filter(isGiven).map((name) => [name, READERS[name](given[name], report, maxMeta)])
  ) as ReadOptions
  if (isGiven('delay') && isGiven('availableAt')) {
    report('delay', given.delay, 'give a delay or availableAt, not both')
  }
  if (isGiven('dedupe') && !isGiven('dedupeKey')) {
    report('dedupe', given.dedupe, 'it says what happens to a key; give a dedupeKey too')
  }
  if (given.dedupe === 'extend' && !isGiven('delay') && !isGiven('availableAt')) {
    report('dedupe', given.dedupe, '"extend" prolongs a delay; give a delay or availableAt')
  }
  const empty = ['dedupeKey', 'concurrencyKey'].filter((name) => given[name] === '')
  if (empty.length > 0 && problems.list.length === empty.length) {
    throw new E_EMPTY_KEY([empty[0]])
  }
  problems.throwAny(`Enqueueing "${handler}"`)
  return read
}
