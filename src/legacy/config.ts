import { everyPattern } from '../config/every_pattern.ts'
import { ConfigReader, shown } from '../config/reader.ts'
import type { Duration } from '../duration.ts'
import { E_INVALID_CONFIG } from '../errors.ts'
import { DIALECT_NAMES } from '../triggers/frequency_dialects.ts'
import type { HandlerReference, ResolvedRetryPolicy } from '../types/handlers.ts'
import type { FrequencyDialect, ShortMonths } from '../types/triggers.ts'
import type { CheckpointSetting } from './checkpoints/strategy.ts'
import { firstOf, readFlows, type FlowInput, type FlowRule } from './config_flows.ts'
import { readHandlers, readPatterns, type MaprefPattern } from './config_patterns.ts'
import {
  readLegacyRetry,
  readRunners,
  type LegacyRetryInput,
  type RunnersConfig,
  type RunnersInput,
} from './config_runners.ts'
import {
  inSchema,
  named,
  readIds,
  readSchema,
  readTables,
  type TableOverrides,
  type TableSpecs,
} from './config_tables.ts'
import { readHistoryConfig, readRequestTypes, type HistoryConfig } from './config_types.ts'
import type { OnError } from './history/request.ts'
import type { IdEntity } from './preset.ts'
import { PRESETS, type PresetName } from './presets.ts'
import { readReports, type ReportsConfig, type ReportsInput } from './reports/config.ts'

/** One legacy installation, as config/almanac.ts describes it. */
export interface LegacySourceInput {
  /** A Lucid connection; on a server it may be the store's. */
  connection: string
  /** Generation of the names. Default `dw`. */
  preset?: PresetName
  /** IANA zone of the wall clock in the legacy columns. */
  timezone: string
  /** What the frequency codes mean: as stated, as the PL/SQL package had it, as the Python service had it. Default `standard`. */
  dialect?: FrequencyDialect
  /** What a month without the day does. Default `skip`. */
  shortMonths?: ShortMonths
  /** What of DWLOGIC may run, by kind. Default: nothing; handlers always may. */
  runners?: RunnersInput
  /** What is said of flows by MAPREF: their runner, their checkpoint. `{ mapref: '*', … }` at the end is the default. */
  flows?: FlowInput[]
  /** Further tries of runs that met a transient error, each with a row of its own. Default: that of `legacy`, else none. */
  retry?: LegacyRetryInput
  /** How long a run that is stopped by force is waited for before its row is closed. Default `5s`. */
  stopGrace?: Duration
  /** Handlers that run in place of DWLOGIC, by MAPREF; the first match counts. */
  handlers?: { mapref: string | RegExp; handler: HandlerReference }[]
  /** Longest wait between two looks at the request table. Default: the config's `poll`, else 1 s. */
  pollInterval?: Duration
  /** Between two reads of the schedule table; an even part of a minute, an hour or a day. Default: the config's `syncInterval`, else 1 m. */
  syncInterval?: Duration
  /** Bytes of a request's payload. Default 1 MiB. */
  maxPayload?: number
  /** Where PRCID and the other ids come from. Default: the pool. */
  ids?: { kind?: IdKind; table?: string; entities?: Partial<Record<IdEntity, string>> }
  /** Schema of every table and sequence that is named without one. Default: where the connection looks. */
  schema?: string
  /** Other names of tables and columns, by the preset's names: `{ DWPRCREQ: { name: 'REQS', columns: { MAPREF: 'MAP' } } }`. */
  tables?: TableOverrides
  /** Whether requests are taken from DWPRCREQ. Default: where the table exists; true insists on it. */
  requests?: boolean
  /** A Lucid connection that the request table is on, where it is not with the others; it may be the store's. */
  requestConnection?: string
  /** Types of requests that another program takes: their rows are never touched. */
  ignoreTypes?: string[]
  /** What becomes of a request of an unknown type. Default `fail`: FAILED with the reason; `leave` leaves it NEW and counts it. */
  unknownTypes?: 'fail' | 'leave'
  /** Whether a scheduled run leaves its row in DWPRCREQ, so that no second installation runs the slot. Default true. */
  slotGuard?: boolean
  /** Flows that may be run again after a crash, by MAPREF. */
  idempotent?: (string | RegExp)[]
  /** Whether a child also fires at its own slots. Default true. */
  dependents?: { ownSlots?: boolean }
  /** History loads. `onError`: what a day that fails does to those after it. Default `stop`. */
  history?: { onError?: OnError }
  /** Handlers of further request types: `{ FILE_UPLOAD: FileUpload }`. */
  requestTypes?: Record<string, HandlerReference>
  /** REPORT requests. Default: none run. */
  reports?: ReportsInput
}

export interface LegacyInput {
  /** Of all sources that do not say it themselves. Default: none. */
  retry?: LegacyRetryInput
  sources?: Record<string, LegacySourceInput>
}

export type IdKind = 'pool' | 'sequence'

/** A legacy source with its defaults; durations in ms. */
export interface LegacySourceConfig {
  name: string
  connection: string
  preset: PresetName
  timezone: string
  dialect: FrequencyDialect
  shortMonths: ShortMonths
  runners: RunnersConfig
  flows: FlowRule[]
  /** null: a run that failed is not tried again. */
  retry: ResolvedRetryPolicy | null
  stopGrace: number
  /** What config says of the position of a flow, null when nothing. */
  checkpointOf(mapref: string): CheckpointSetting | null
  handlers: (MaprefPattern & { handler: HandlerReference })[]
  pollInterval: number
  syncInterval: number
  maxPayload: number
  ids: { kind: IdKind; entities: Record<IdEntity, string> }
  tables: TableSpecs
  requests: boolean
  /** Whether a missing request table is an error. */
  requestsRequired: boolean
  /** null: the connection of the other tables. */
  requestConnection: string | null
  /** Upper case. */
  ignoreTypes: readonly string[]
  unknownTypes: 'fail' | 'leave'
  slotGuard: boolean
  isIdempotent(mapref: string): boolean
  dependents: { ownSlots: boolean }
  history: HistoryConfig
  /** By type, upper case. */
  requestTypes: ReadonlyMap<string, HandlerReference>
  /** null: no report runs. */
  reports: ReportsConfig | null
}

export interface LegacyConfig {
  sources: Map<string, LegacySourceConfig>
}

/** What the sources take from the rest of the config, in ms. */
export interface LegacyDefaults {
  pollInterval?: number
  syncInterval?: number
  retry?: ResolvedRetryPolicy | null
}

const SOURCE_NAME = /^[a-z][\w-]{0,30}$/i
const MIB = 1_048_576

/**
 * Checks `legacy` of config/almanac.ts and sets the defaults.
 *
 * @throws E_INVALID_CONFIG naming the key, its value and the remedy
 */
export function resolveLegacyConfig(
  input: LegacyInput | undefined,
  defaults: LegacyDefaults = {}
): LegacyConfig {
  const reader = new ConfigReader(input ?? {}, 'legacy')
  const sources = reader.section('sources')
  const found = new Map<string, LegacySourceConfig>()
  const retry = readLegacyRetry(reader, null)
  for (const name of sources.keys()) {
    if (!SOURCE_NAME.test(name)) {
      const remedy = 'begin with a letter, then up to 30 letters, digits, "_" or "-"'
      throw new E_INVALID_CONFIG(['legacy.sources', `a source named ${shown(name)}`, remedy])
    }
    sources.take(name)
    found.set(name, readSource(sources.section(name), name, { ...defaults, retry }))
  }
  reader.end()
  refuseSharedQueues([...found.values()])
  return { sources: found }
}

function readSource(
  reader: ConfigReader,
  name: string,
  defaults: LegacyDefaults
): LegacySourceConfig {
  const preset = reader.oneOf('preset', 'dw', Object.keys(PRESETS) as PresetName[])
  const patterns = readPatterns(reader, 'idempotent')
  const schema = readSchema(reader)
  const tables = readTables(reader, PRESETS[preset])
  const ids = readIds(reader, PRESETS[preset], schema)
  const flows = readFlows(reader)
  const connection = readConnection(reader, 'connection')
  const source: LegacySourceConfig = {
    name,
    connection,
    preset,
    timezone: readZone(reader),
    dialect: reader.oneOf('dialect', 'standard', DIALECT_NAMES),
    shortMonths: reader.oneOf('shortMonths', 'skip', ['skip', 'clamp']),
    runners: readRunners(reader.section('runners')),
    flows,
    retry: readLegacyRetry(reader, defaults.retry ?? null),
    stopGrace: reader.duration('stopGrace', 5_000, 0),
    checkpointOf: (mapref) => firstOf(flows, mapref, 'checkpoint'),
    handlers: readHandlers(reader),
    pollInterval: reader.duration('pollInterval', defaults.pollInterval ?? 1_000, 10),
    syncInterval: readSyncInterval(reader, defaults.syncInterval ?? 60_000),
    maxPayload: reader.number('maxPayload', MIB, { min: 2 }),
    ids: { kind: ids.kind, entities: ids.entities },
    tables: inSchema(ids.table ? named(tables, 'idPool', ids.table) : tables, schema),
    requests: reader.boolean('requests', true),
    requestsRequired:
      reader.take('requests') === true ||
      tables.requests.name !== PRESETS[preset].tables.requests.name,
    requestConnection: readRequestConnection(reader, connection),
    ignoreTypes: readTypes(reader),
    unknownTypes: reader.oneOf('unknownTypes', 'fail', ['fail', 'leave']),
    slotGuard: reader.boolean('slotGuard', true),
    isIdempotent: (mapref) => patterns.some((pattern) => pattern.matches(mapref)),
    dependents: readDependents(reader.section('dependents')),
    history: readHistoryConfig(reader.section('history')),
    requestTypes: readRequestTypes(reader.section('requestTypes')),
    reports: readReports(reader),
  }
  reader.end()
  return source
}

function readSyncInterval(reader: ConfigReader, fallback: number): number {
  const interval = reader.duration('syncInterval', fallback, 1_000)
  return everyPattern(interval) === null
    ? reader.refuse(
        'syncInterval',
        'give an even part of a minute, an hour or a day, such as 15s, 5m or 1h'
      )
    : interval
}

function readConnection(reader: ConfigReader, key: string): string {
  const value = reader.take(key)
  return typeof value === 'string' && value !== ''
    ? value
    : reader.refuse(key, 'name a connection of config/database.ts')
}

function readRequestConnection(reader: ConfigReader, connection: string): string | null {
  const given = reader.take('requestConnection') ?? connection
  return given === connection ? null : readConnection(reader, 'requestConnection')
}

/** As they are compared: without spaces around them, in upper case. */
function readTypes(reader: ConfigReader): string[] {
  const remedy = 'give a list of request types, such as ["FILE_UPLOAD"]'
  const types = reader.texts('ignoreTypes', remedy, (type) => /^\s*\S{1,30}\s*$/.test(type)) ?? []
  return [...new Set(types.map((type) => type.trim().toUpperCase()))]
}

function readZone(reader: ConfigReader): string {
  const remedy = 'give the IANA zone of the legacy wall clock, such as "Europe/Berlin" or "UTC"'
  const value = reader.take('timezone')
  if (typeof value !== 'string' || value === '') {
    reader.refuse('timezone', remedy)
  }
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }) && value
  } catch (error) {
    throw new E_INVALID_CONFIG([reader.pathOf('timezone'), shown(value), remedy], { cause: error })
  }
}

function readDependents(reader: ConfigReader): { ownSlots: boolean } {
  const dependents = { ownSlots: reader.boolean('ownSlots', true) }
  reader.end()
  return dependents
}

/** A request table has exactly one poller. */
function refuseSharedQueues(sources: LegacySourceConfig[]): void {
  const owners = new Map<string, string>()
  for (const { name, connection, requestConnection, tables, requests } of sources) {
    const queue = `${requestConnection ?? connection} ${tables.requests.name.toLowerCase()}`
    const other = owners.get(queue)
    if (requests && other !== undefined) {
      throw new E_INVALID_CONFIG([
        `legacy.sources.${name}`,
        `on the same connection and request table as "${other}"`,
        'a request table has exactly one poller: give one of them requests: false, or another table',
      ])
    }
    if (requests) {
      owners.set(queue, name)
    }
  }
}
