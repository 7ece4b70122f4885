import type { Logger } from '../../types/logger.ts'
import type { LegacySourceConfig } from '../config.ts'
import type { LegacyConnection } from '../connection.ts'
import { tableDialect, type TableDialect } from './dialect.ts'
import { PoolIds, SequenceIds, type IdSource } from './id_source.ts'
import { inspectTables, type LegacyLayouts } from './inspect.ts'
import { onRequestConnection } from './beside.ts'
import { JobErrors } from './job_errors.ts'
import { JobFlows } from './job_flows.ts'
import { JobLogs } from './job_logs.ts'
import { JobSchedules } from './job_schedules.ts'
import { Mappings } from './mappings.ts'
import { Positions } from './positions.ts'
import { ProcessLogs } from './process_logs.ts'
import { RequestBook } from './request_book.ts'
import { Requests } from './requests.ts'
import { RequestTypes } from '../request_types.ts'
import { ScheduleEdits } from './schedule_edits.ts'
import { RunGroups } from './run_groups.ts'
import { SetWriter } from './set_writer.ts'
import { Parameters } from './parameters.ts'
import { RequestProgress } from './request_progress.ts'
import { StoredSelects } from './stored_selects.ts'
import { Targets } from './targets.ts'

/** The legacy tables of one source. */
export interface LegacyTables {
  schedules: JobSchedules
  scheduleEdits: ScheduleEdits
  /** null: there is no request table, or config says not to use it. */
  requests: Requests | null
  /** The request table as people read it; null where it is not used. */
  requestBook: RequestBook | null
  /** The request table is on a connection of its own: no statement may name it beside the others. */
  requestsApart: boolean
  /** What a request tells while it is worked on; null where the table is not used. */
  requestProgress: RequestProgress | null
  flows: JobFlows
  processLogs: ProcessLogs
  jobLogs: JobLogs
  jobErrors: JobErrors
  mappings: Mappings
  /** Where runs stand, in their rows. */
  positions: Positions
  parameters: Parameters
  targets: Targets
  storedSelects: StoredSelects
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
 * @throws E_LEGACY_SCHEMA naming every table and column that is missing or of the wrong type
 * @throws E_LEGACY_TABLE naming the id that is missing
 * @throws E_INVALID_CONFIG for a database that is not supported
 */
export async function openLegacyTables(deps: Deps): Promise<LegacyTables> {
  const { connection, config, logger } = deps
  const { session } = connection
  const dialect = tableDialect(session.client, config.name)
  await session.run(() => dialect.prepare(session.client))
  const { requestSession } = connection
  const requestDialect = tableDialect(requestSession.client, config.name)
  if (config.requestConnection !== null) {
    await requestSession.run(() => requestDialect.prepare(requestSession.client))
  }
  const layouts = await inspectTables({ connection, config, dialect, requestDialect })
  const ids = idSource(deps, dialect, layouts)
  await ids.check(['processLog', 'jobLog', 'jobError'])
  for (const note of layouts.notes) {
    logger.warn({ source: config.name }, `Legacy source "${config.name}": ${note}`)
  }
  const sets = new SetWriter(dialect)
  const processLogs = new ProcessLogs(layouts.processLogs, sets)
  const jobLogs = new JobLogs(layouts.jobLogs, sets)
  const jobErrors = new JobErrors(layouts.jobErrors, sets)
  const asked = requestTables(deps, layouts, requestDialect)
  const written = { requests: asked.requests, processLogs, jobLogs, jobErrors }
  return {
    schedules: new JobSchedules(layouts.jobSchedules, sets, dialect.quoted),
    scheduleEdits: new ScheduleEdits(layouts.jobSchedules),
    ...asked,
    flows: new JobFlows(layouts.jobFlows, dialect.quoted),
    processLogs,
    jobLogs,
    jobErrors,
    mappings: new Mappings(layouts.mappings),
    positions: new Positions(layouts.processLogs),
    parameters: new Parameters(layouts.parameters),
    targets: new Targets({ ...layouts, dialect, own: config.tables }),
    storedSelects: new StoredSelects(layouts.storedSelects),
    ids,
    groups: groupsOf(deps, dialect, layouts, written),
    notes: layouts.notes,
  }
}

/** On a connection of its own the request table takes no part in the transactions of the others. */
function requestTables(
  { config }: Deps,
  { requests: table }: LegacyLayouts,
  dialect: TableDialect
): Pick<LegacyTables, 'requests' | 'requestBook' | 'requestProgress' | 'requestsApart'> {
  const requestsApart = config.requestConnection !== null
  if (table === null) {
    return { requests: null, requestBook: null, requestProgress: null, requestsApart }
  }
  const sets = new SetWriter(dialect)
  const types = new RequestTypes(config)
  const { maxPayload } = config
  const requests = new Requests({ table, dialect, sets, types, maxPayload })
  const requestBook = new RequestBook(table, types)
  const requestProgress = new RequestProgress(table)
  return requestsApart
    ? {
        requests: onRequestConnection(requests),
        requestBook: onRequestConnection(requestBook),
        requestProgress: onRequestConnection(requestProgress),
        requestsApart,
      }
    : { requests, requestBook, requestProgress, requestsApart }
}

type Written = ConstructorParameters<typeof RunGroups>[0]['tables']

/**
 * @returns null where the database has no such statements, a column is of a
 * type of its own, or the requests are on another connection: no one statement
 * reaches both
 */
function groupsOf(
  { connection, config }: Deps,
  { groups: statements }: TableDialect,
  layouts: LegacyLayouts,
  { requests, ...others }: Omit<Written, 'requests'> & Pick<LegacyTables, 'requests'>
): RunGroups | null {
  if (!statements || !requests || !layouts.requests || config.requestConnection !== null) {
    return null
  }
  const { processLogs, jobLogs, jobErrors } = layouts
  const written = { requests: layouts.requests, processLogs, jobLogs, jobErrors }
  const types = Object.values(written).flatMap(({ declared }) => [...declared.values()])
  return types.every((type) => statements.takes(type))
    ? new RunGroups({
        connection,
        statements,
        layouts: written,
        tables: { requests, ...others },
      })
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
