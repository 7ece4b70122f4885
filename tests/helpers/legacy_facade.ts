import { SystemClock } from '../../src/clock.ts'
import type { LegacySourceInput } from '../../src/legacy/config.ts'
import type { FacadeDeps } from '../../src/legacy/facade/deps.ts'
import { Pkgdwprc } from '../../src/legacy/facade/pkgdwprc.ts'
import { RequestDesk } from '../../src/legacy/facade/request_desk.ts'
import { ScheduleBook } from '../../src/legacy/facade/schedule_book.ts'
import type { ScheduleInput } from '../../src/legacy/facade/schedule_input.ts'
import { openLegacyTables } from '../../src/legacy/tables/main.ts'
import type { NodeRecord } from '../../src/storage/contract.ts'
import type { ExecutionRecord } from '../../src/types/executions.ts'
import type { LegacyDatabase } from './legacy_database.ts'
import { openSource } from '../legacy/support.ts'

export const NODE = 'n1.00000001'

/** A schedule that is valid on any day that this test runs. */
export const DAILY: ScheduleInput = {
  mapref: 'LOAD_SALES',
  frqcd: 'DL',
  frqhh: 6,
  frqmi: 30,
  strtdt: '2998-01-01',
}

/** The facade of one source in a process that does not work, and the tables as others see them. */
export async function openFacade(
  input: Partial<LegacySourceInput> = {},
  prepare: (database: LegacyDatabase) => void = () => {}
) {
  const { database, connection, tables, config, logger } = await openSource(input, (opened) => {
    opened.insertFlow({ MAPREF: 'LOAD_SALES', JOBFLWID: 70 })
    prepare(opened)
  })
  const state = { syncs: 0, syncError: null as Error | null, nodes: [] as string[] }
  const open = new Map<string, string>()
  const deps: FacadeDeps = {
    source: config,
    connection,
    clock: new SystemClock(),
    logger,
    tables: async () => tables,
    sync: async () => {
      state.syncs++
      if (state.syncError) {
        throw state.syncError
      }
      return { added: [], changed: [], removed: [], unchanged: 1, problems: [] }
    },
    scheduler: {
      nodeId: NODE,
      nodes: async () => state.nodes.map((id) => ({ id }) as NodeRecord),
      executions: {
        find: async () => null,
        history: async () => [],
        findByDedupeKey: async (key) => {
          const found = open.get(key)
          return found === undefined ? null : ({ id: found, state: 'running' } as ExecutionRecord)
        },
      },
    },
  }
  /** The facade of another process: connection, tables and ids of its own. */
  const another = async () => {
    const other = database.connection()
    const opened = await openLegacyTables({ connection: other, config, logger })
    return new Pkgdwprc({ ...deps, connection: other, tables: async () => opened })
  }
  const schedules = () =>
    database.rows<Record<string, unknown>>('select * from DWJOBSCH order by JOBSCHID')
  return {
    ...{ database, connection, tables, config, logger, state, open, deps, another, schedules },
    pkgdwprc: new Pkgdwprc(deps),
    desk: new RequestDesk(deps),
    book: new ScheduleBook(deps),
  }
}

/** What is wrong with a call, by field. */
export async function problemsOf(call: () => Promise<unknown>): Promise<Record<string, string>> {
  try {
    await call()
  } catch (error) {
    const { problems } = error as { problems?: { field: string; value: string; message: string }[] }
    if (!problems) {
      throw error
    }
    return Object.fromEntries(problems.map(({ field, message }) => [field, message]))
  }
  return {}
}
