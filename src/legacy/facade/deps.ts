import type { Clock } from '../../clock.ts'
import type { Logger } from '../../types/logger.ts'
import type { LegacySourceConfig } from '../config.ts'
import type { LegacyConnection } from '../connection.ts'
import type { SchedulerPort } from '../ports.ts'
import type { SyncOutcome } from '../schedule_sync.ts'
import type { LegacyTables } from '../tables/main.ts'

/** What the facade of one legacy source works on. */
export interface FacadeDeps {
  source: LegacySourceConfig
  connection: LegacyConnection
  scheduler: Pick<SchedulerPort, 'nodeId' | 'nodes' | 'executions'>
  clock: Clock
  logger: Logger
  /** Opens the tables at the first call that reaches the database. */
  tables(): Promise<LegacyTables>
  /** Reads the schedule table now. */
  sync(): Promise<SyncOutcome>
}
