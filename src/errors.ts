import { Exception } from '@poppinss/utils/exception'
import { defineError } from './errors/define.ts'
import type { Problem } from './types/triggers.ts'

export * from './errors/handlers.ts'
export * from './errors/legacy.ts'
export * from './errors/legacy_schema.ts'
export * from './errors/operations.ts'
export * from './errors/workflows.ts'

// ------------------------------------------------------ input and config

export const E_INVALID_DURATION = defineError<[field: string, value: string]>({
  code: 'E_INVALID_DURATION',
  status: 422,
  message: '%s: "%s" is not a duration',
  help: 'Give milliseconds as a number, or a text such as "250ms", "15s", "5m", "1h30m", "7d"; at most a thousand years.',
})

export const E_INVALID_CONFIG = defineError<[key: string, value: string, remedy: string]>({
  code: 'E_INVALID_CONFIG',
  status: 500,
  message: 'config/almanac.ts: %s is %s; %s',
  help: 'Correct the named key in config/almanac.ts, or the environment variable it reads.',
})

export const E_INVALID_INSTANT = defineError<[field: string, value: string]>({
  code: 'E_INVALID_INSTANT',
  status: 422,
  message: '%s: "%s" is not an instant',
  help: 'Give a Date, epoch milliseconds, or an ISO 8601 text with its offset ("2026-03-01T06:00:00Z").',
})

export const E_INVALID_FLAG = defineError<[flag: string, value: string, remedy: string]>({
  code: 'E_INVALID_FLAG',
  status: 422,
  message: '--%s: "%s" is not valid; %s',
  help: 'See "node ace help" with the name of the command.',
})

/** Every problem of one input at once, in `problems`. */
export const E_INVALID_INPUT = class InvalidInputException extends Exception {
  static override code = 'E_INVALID_INPUT'
  static override status = 422
  static override help = 'Correct each named field; nothing was saved.'

  readonly problems: Problem[]

  constructor(subject: string, problems: Problem[], options?: ErrorOptions) {
    const lines = problems.map(({ field, value, message }) => `${field} (${value}): ${message}`)
    super(`${subject} is not valid: ${lines.join('; ')}`, options)
    this.name = 'E_INVALID_INPUT'
    this.problems = problems
  }
}

// ---------------------------------------------------------------- triggers

export const E_INVALID_TRIGGER = defineError<[field: string, value: string, remedy: string]>({
  code: 'E_INVALID_TRIGGER',
  status: 422,
  message: 'trigger.%s: "%s" is not valid; %s',
  help: 'See docs/triggers.md.',
})

export const E_UNKNOWN_FREQUENCY_CODE = defineError<[code: string]>({
  code: 'E_UNKNOWN_FREQUENCY_CODE',
  status: 422,
  message: 'FRQCD "%s" is not a frequency code',
  help: 'Use one of YR, HY, MN, FN, WK, DL, ID.',
})

/** Guards every loop over slots; seen only when a trigger's computation is at fault. */
export const E_TRIGGER_STUCK = defineError<[slot: string, after: string]>({
  code: 'E_TRIGGER_STUCK',
  status: 500,
  message: 'A trigger gave the slot %s, which does not lie after %s',
  help: 'Please report this with the trigger; pause the event or change its trigger meanwhile.',
})

// --------------------------------------------------------- events, executions

export const E_EVENT_NOT_FOUND = defineError<[id: string]>({
  code: 'E_EVENT_NOT_FOUND',
  status: 404,
  message: 'There is no event "%s"',
  help: 'List the events with "node ace almanac:events".',
})

export const E_EVENT_EXISTS = defineError<[name: string, source: string]>({
  code: 'E_EVENT_EXISTS',
  status: 409,
  message: 'An event "%s" exists already in source "%s"',
  help: 'Choose another name, or update the existing event.',
})

export const E_AMBIGUOUS_EVENT = defineError<[name: string, ids: string]>({
  code: 'E_AMBIGUOUS_EVENT',
  status: 422,
  message: '"%s" is the name of several events: %s',
  help: 'Give the id of one of them.',
})

export const E_EVENT_CONFLICT = defineError<[id: string, expected: string, found: string]>({
  code: 'E_EVENT_CONFLICT',
  status: 409,
  message: 'Event "%s" was changed meanwhile: version %s expected, %s found',
  help: 'Read the event again and repeat the change.',
})

export const E_EVENT_TRANSITION = defineError<[id: string, from: string, action: string]>({
  code: 'E_EVENT_TRANSITION',
  status: 409,
  message: 'Event "%s" is %s and cannot be %s',
  help: 'See the table of event states in the README.',
})

export const E_EVENT_NO_SLOT = defineError<[id: string]>({
  code: 'E_EVENT_NO_SLOT',
  status: 409,
  message: 'Event "%s" has no next slot to skip',
  help: 'Its last slot is due or decided; see its history.',
})

export const E_UNKNOWN_PROFILE = defineError<[event: string, profile: string]>({
  code: 'E_UNKNOWN_PROFILE',
  status: 422,
  message: 'Event "%s" names the payload profile "%s", which is not defined',
  help: 'Define it under "profiles" in config/almanac.ts, or give the event another profile.',
})

export const E_EXECUTION_NOT_FOUND = defineError<[id: string]>({
  code: 'E_EXECUTION_NOT_FOUND',
  status: 404,
  message: 'There is no execution "%s"',
  help: 'List executions with "node ace almanac:history".',
})

export const E_EXECUTION_TRANSITION = defineError<[id: string, from: string, to: string]>({
  code: 'E_EXECUTION_TRANSITION',
  status: 409,
  message: 'Execution "%s" cannot go from %s to %s',
  help: 'See the table of execution states in the README.',
})

export const E_EMPTY_KEY = defineError<[field: string]>({
  code: 'E_EMPTY_KEY',
  status: 422,
  message: '%s is empty',
  help: 'Give a key of at least one character, or leave the field out.',
})

export const E_PAYLOAD_TOO_LARGE = defineError<[field: string, bytes: string, limit: string]>({
  code: 'E_PAYLOAD_TOO_LARGE',
  status: 413,
  message: '%s has %s bytes of JSON, more than the %s allowed',
  help: 'Store the data elsewhere and hand over a reference, or raise the limit in config/almanac.ts.',
})

export const E_PAYLOAD_NOT_JSON = defineError<[field: string, reason: string]>({
  code: 'E_PAYLOAD_NOT_JSON',
  status: 422,
  message: '%s cannot be stored as JSON: %s',
  help: 'Use only objects, arrays, strings, finite numbers, booleans and null.',
})

// ---------------------------------------------------------------- handlers

export const E_HANDLER_EXISTS = defineError<[name: string, first: string, second: string]>({
  code: 'E_HANDLER_EXISTS',
  status: 500,
  message: 'The handler name "%s" is taken twice: by %s and by %s',
  help: 'Give one of them another name in its static options.',
})

export const E_UNKNOWN_HANDLER = defineError<[name: string]>({
  code: 'E_UNKNOWN_HANDLER',
  status: 422,
  message: 'No handler is registered as "%s"',
  help: 'Put the class into app/handlers, or call almanac.register(name, handler) in start/almanac.ts.',
})

export const E_INVALID_HANDLER = defineError<[name: string, reason: string]>({
  code: 'E_INVALID_HANDLER',
  status: 500,
  message: 'Handler "%s" cannot be used: %s',
  help: 'A handler is a class with a handle(context) method, or a function.',
})

export const E_EXECUTION_TIMEOUT = defineError<[handler: string, ms: string]>({
  code: 'E_EXECUTION_TIMEOUT',
  status: 408,
  message: 'Handler "%s" ran longer than its %s ms',
  help: 'Raise the timeout, call context.extend(), or stop when context.signal aborts.',
})

export const E_LEASE_LOST = defineError<[attempt: string, execution: string]>({
  code: 'E_LEASE_LOST',
  status: 409,
  message: 'Attempt %s no longer owns execution "%s"',
  help: 'Another node may run it now. Stop the work; nothing more is stored for this attempt.',
})

// ---------------------------------------------------------------- life cycle

export const E_ALMANAC_NOT_READY = defineError<[state: string]>({
  code: 'E_ALMANAC_NOT_READY',
  status: 503,
  message: 'Almanac is %s',
  help: 'Use it between the boot and the shutdown of the app: inside app.booted(), a request, a command or a handler.',
})

export const E_SCHEMA_OUTDATED = defineError<[found: string, needed: string]>({
  code: 'E_SCHEMA_OUTDATED',
  status: 500,
  message: 'The store has schema version %s, this version of Almanac needs %s',
  help: 'Run "node ace migration:run"; when it finds nothing to do, publish the newer migration first with "node ace configure adonisjs-almanac".',
})

export const E_SCHEMA_CONFLICT = defineError<[table: string, missing: string]>({
  code: 'E_SCHEMA_CONFLICT',
  status: 500,
  message: "The table %s is there already, without the columns %s of Almanac's own",
  help: 'It belongs to something else: rename or drop it, or give the store a database of its own, and run the migration again.',
})

export const E_SCHEMA_BUSY = defineError<[]>({
  code: 'E_SCHEMA_BUSY',
  status: 503,
  message: "Another process has been changing Almanac's tables for a minute",
  help: 'Look what it waits for, then run the migration again: one that died halfway goes on where it was.',
})

export const E_STORAGE_UNAVAILABLE = defineError<[operation: string, reason: string]>({
  code: 'E_STORAGE_UNAVAILABLE',
  status: 503,
  message: 'The store cannot be reached (%s): %s',
  help: 'Check the database connection; Almanac backs off, reconnects and goes on by itself.',
})

export const E_CLIENT_MISMATCH = defineError<[given: string, own: string]>({
  code: 'E_CLIENT_MISMATCH',
  status: 422,
  message: 'The transaction belongs to connection "%s", the store lives on "%s"',
  help: 'Open the transaction on the connection of config/almanac.ts, or enqueue without a client.',
})

export const E_NESTED_TRANSACTION = defineError<[]>({
  code: 'E_NESTED_TRANSACTION',
  status: 500,
  message: 'A transaction was opened inside a transaction',
  help: 'Use the session that was handed in; transactions are flat.',
})

// ---------------------------------------------------------------- legacy

export const E_LEGACY_TABLE = defineError<[source: string, table: string, reason: string]>({
  code: 'E_LEGACY_TABLE',
  status: 500,
  message: 'Legacy source "%s": table %s %s',
  help: 'Correct legacy.sources in config/almanac.ts; Almanac never changes a legacy schema.',
})

export const E_LEGACY_REQUEST = defineError<[reason: string]>({
  code: 'E_LEGACY_REQUEST',
  status: 422,
  message: '%s',
  help: 'The row is marked FAILED with this reason; insert a corrected request.',
})

export const E_LEGACY_SOURCE = defineError<[source: string, known: string]>({
  code: 'E_LEGACY_SOURCE',
  status: 422,
  message: 'There is no legacy source %s; configured: %s',
  help: 'Name one of legacy.sources in config/almanac.ts, where each has its own name.',
})

export const E_LEGACY_CONFLICT = defineError<[subject: string, reason: string]>({
  code: 'E_LEGACY_CONFLICT',
  status: 409,
  message: '%s: %s',
  help: 'Nothing was changed. Read it again and repeat the change if it is still wanted.',
})

export const E_LEGACY_FLOW = defineError<[mapref: string, reason: string]>({
  code: 'E_LEGACY_FLOW',
  status: 422,
  message: 'Flow of MAPREF "%s": %s',
  help: 'Correct the row in the flow table, or enable a runner for it in config/almanac.ts.',
})
