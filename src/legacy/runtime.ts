import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Logger } from '../types/logger.ts'
import type { ClaimNames } from './claims.ts'
import type { LegacySourceConfig } from './config.ts'
import type { LegacyConnection } from './connection.ts'
import type { RunStart } from './engine/begin.ts'
import type { FlowLogic } from './engine/flow_logic.ts'
import type { FlowResolver } from './engine/flow_resolver.ts'
import type { RunRescue } from './engine/rescue.ts'
import type { ForeignRuns } from './foreign_runs.ts'
import type { KnownNodes } from './known_nodes.ts'
import type { SchedulerPort } from './ports.ts'
import type { LegacyTables } from './tables/main.ts'
import type { Writeback } from './writeback.ts'

/** What is there before the legacy database was ever reached. */
export interface SourceDeps {
  source: LegacySourceConfig
  scheduler: SchedulerPort
  connection: LegacyConnection
  clock: Clock
  logger: Logger
  counters: Counters
  claims: ClaimNames
  nodes: KnownNodes
}

/** What works on the legacy tables, once they were inspected. */
export interface Runtime {
  tables: LegacyTables
  flows: FlowResolver
  foreignRuns: ForeignRuns
  start: RunStart
  logic: FlowLogic
  rescue: RunRescue
  writeback: Writeback
}

/**
 * Opens the tables at the first call that reaches the database; until then
 * every call fails as the connection does.
 */
export type OpenRuntime = () => Promise<Runtime>
