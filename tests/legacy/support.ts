import { getActiveTest } from '@japa/runner'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { RecordingLogger } from '../../src/testing/recording_logger.ts'
import {
  resolveLegacyConfig,
  type LegacyDefaults,
  type LegacySourceConfig,
  type LegacySourceInput,
} from '../../src/legacy/config.ts'
import type { LegacyConnection } from '../../src/legacy/connection.ts'
import { openLegacyTables, type LegacyTables } from '../../src/legacy/tables/main.ts'
import { activeKind, activeSetting } from '../helpers/legacy_group.ts'
import { createLegacyDatabase, type LegacyDatabase } from '../helpers/legacy_database.ts'

export const NOW = Date.parse('2026-03-01T12:00:00.250Z')

export function legacySource(
  input: Partial<LegacySourceInput> = {},
  defaults?: LegacyDefaults
): LegacySourceConfig {
  const source = { connection: 'warehouse', timezone: 'UTC', ...input }
  return resolveLegacyConfig({ sources: { dw: source } }, defaults).sources.get('dw')!
}

export interface OpenedSource {
  database: LegacyDatabase
  connection: LegacyConnection
  tables: LegacyTables
  config: LegacySourceConfig
  logger: RecordingLogger
}

/** A legacy database of its own, gone after the test. */
export async function legacyDatabase(
  options: Parameters<typeof createLegacyDatabase>[0] = {}
): Promise<LegacyDatabase> {
  const database = await createLegacyDatabase({ kind: activeKind(), ...options })
  getActiveTest()?.cleanup(() => database.cleanup())
  return database
}

/** The reference tables, opened as the adapter opens them. */
export function openSource(
  input: Partial<LegacySourceInput> = {},
  prepare: (database: LegacyDatabase) => void = () => {}
): Promise<OpenedSource> {
  return openPreset(input, prepare)
}

/** The same, by the preset of the group; what `prepare` returns is laid over the config. */
export async function openPreset(
  input: Partial<LegacySourceInput> = {},
  prepare: (database: LegacyDatabase) => Partial<LegacySourceInput> | void = () => {}
): Promise<OpenedSource> {
  const { generation } = activeSetting()
  const preset = generation === 'dw' ? 'dw' : 'dms'
  const { timezone } = legacySource({ preset, ...input })
  const database = await legacyDatabase({ timezone, generation })
  const config = legacySource({ preset, ...input, ...prepare(database) })
  const connection = database.connection()
  const logger = new RecordingLogger()
  const tables = await openLegacyTables({ connection, config, logger })
  return { database, connection, tables, config, logger }
}

/** Opens the tables over connections that begin with these statements. */
export async function openWith(
  session: string[],
  input: Partial<LegacySourceInput> = {},
  prepare: (database: LegacyDatabase) => void = () => {}
) {
  const config = legacySource(input)
  const database = await legacyDatabase({ timezone: config.timezone })
  prepare(database)
  const connection = database.connection({ client: database.client({ session }) })
  const tables = await openLegacyTables({ connection, config, logger: new RecordingLogger() })
  return { database, connection, tables, requests: tables.requests! }
}

export { ManualClock, RecordingLogger }
