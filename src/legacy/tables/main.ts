import type { Logger } from '../../types/logger.ts'
import type { LegacySourceConfig } from '../config.ts'
import type { LegacyConnection } from '../connection.ts'
import { tableDialect, type TableDialect } from './dialect.ts'
import { PoolIds, SequenceIds, type IdSource } from './id_source.ts'
import { inspectTables, type LegacyLayouts } from './inspect.ts'
import { JobErrors } from './job_errors.ts'
import { JobFlows } from './job_flows.ts'
import { JobLogs } from './job_logs.ts'
import { JobSchedules } from './job_schedules.ts'
import { ProcessLogs } from './process_logs.ts'
import { RequestBook } from './request_book.ts'
import { Requests } from './requests.ts'
import { ScheduleEdits } from './schedule_edits.ts'
import { RunGroups } from './run_groups.ts'
import { SetWriter } from './set_writer.ts'

/** The legacy tables of one source. */
export interface LegacyTables {
  schedules: JobSchedules
  scheduleEdits: ScheduleEdits
  /** null: there is no request table, or config says not to use it. */
  requests: Requests | null
  /** The request table as people read it; null where it is not used. */
  requestBook: RequestBook | null
  flows: JobFlows
  processLogs: ProcessLogs
  jobLogs: JobLogs
  jobErrors: JobErrors
  ids: IdSource
  /** null: the database has no such statements, or there are no requests. */
  groups: RunGroups | null
  /** What is off, and why. */
  notes: string[]
}

interface Deps {
  connection: LegacyConnection
  config: LegacySourceConfig
  logger: Logger
}

/**
 * Looks at the legacy tables and opens them for use. A database that is away
 * throws its own error (see `isTransient`), so that the caller can try again.
 *
 * @throws E_LEGACY_TABLE naming the table, column or id that is missing
 * @throws E_INVALID_CONFIG for a database that is not supported
 */
export async function openLegacyTables(deps: Deps): Promise<LegacyTables> {
  const { connection, config, logger } = deps
  const { session } = connection
  const dialect = tableDialect(session.client, config.name)
  await session.run(() => dialect.prepare(session.client))
  const layouts = await inspectTables({ connection, config, dialect })
  const ids = idSource(deps, dialect, layouts)
  await ids.check(['processLog', 'jobLog', 'jobError'])
  for (const note of layouts.notes) {
    logger.warn({ source: config.name }, `Legacy source "${config.name}": ${note}`)
  }
  const sets = new SetWriter(dialect)
  const { maxPayload } = config
  const processLogs = new ProcessLogs(layouts.processLogs, sets)
  const jobLogs = new JobLogs(layouts.jobLogs, sets)
  const jobErrors = new JobErrors(layouts.jobErrors, sets)
  const requests =
    layouts.requests && new Requests({ table: layouts.requests, dialect, sets, maxPayload })
  return {
    schedules: new JobSchedules(layouts.jobSchedules, sets),
    scheduleEdits: new ScheduleEdits(layouts.jobSchedules),
    requests,
    requestBook: layouts.requests && new RequestBook(layouts.requests),
    flows: new JobFlows(layouts.jobFlows),
    processLogs,
    jobLogs,
    jobErrors,
    ids,
    groups:
      requests &&
      groupsOf({ connection, dialect, layouts }, { requests, processLogs, jobLogs, jobErrors }),
    notes: layouts.notes,
  }
}

/** @returns null where the database has no such statements, or a column is of a type of its own */
function groupsOf(
  {
    connection,
    dialect: { groups: statements },
    layouts,
  }: { connection: LegacyConnection; dialect: TableDialect; layouts: LegacyLayouts },
  tables: ConstructorParameters<typeof RunGroups>[0]['tables']
): RunGroups | null {
  const { requests, processLogs, jobLogs, jobErrors } = layouts
  if (!statements || !requests) {
    return null
  }
  const written = { requests, processLogs, jobLogs, jobErrors }
  const types = Object.values(written).flatMap(({ declared }) => [...declared.values()])
  return types.every((type) => statements.takes(type))
    ? new RunGroups({ connection, statements, layouts: written, tables })
    : null
}

function idSource(
  { connection, config }: Deps,
  dialect: TableDialect,
  { idPool }: LegacyLayouts
): IdSource {
  const { entities } = config.ids
  return idPool
    ? new PoolIds({ connection, entities, table: idPool })
    : new SequenceIds({ connection, entities, dialect })
}
