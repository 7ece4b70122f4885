import { addSourceWork, type SourceWork } from './engine/source_handler.ts'
import { HistoryLoads } from './history/loads.ts'
import { HISTORY_HANDLER } from './history/payload.ts'
import { Opening } from './opening.ts'
import { ReportDesk } from './reports/desk.ts'
import { openOutlets, type ReportHost } from './reports/outlets.ts'
import { REPORT_HANDLER } from './reports/payload.ts'
import { Reports, type ReportOutlets } from './reports/reports.ts'
import type { OpenRuntime, SourceDeps } from './runtime.ts'
import type { LegacyTables } from './tables/main.ts'
import { REQUEST_HANDLER } from './types/payload.ts'
import { TypedRequests } from './types/requests.ts'

interface Deps extends SourceDeps {
  open: OpenRuntime
  tables: () => Promise<LegacyTables>
  /** Runs a flow, whatever asked for it. */
  engine: SourceWork
  /** A request of this MAPREF is over here. */
  onEnded(mapref: string): void
  host?: ReportHost
}

/** Between two looks for files that have expired, ms. */
const EXPIRY_INTERVAL = 3_600_000

/**
 * The requests of one source that are more than one run of a flow: history
 * loads, reports, and the types that config gives handlers to.
 */
export class RequestKinds {
  /** The reports that were made, for those who fetch them. */
  readonly desk: ReportDesk
  readonly #deps: Deps
  readonly #outlets: Opening<ReportOutlets | null>

  constructor(deps: Deps) {
    const { source, connection, tables, host } = deps
    this.#deps = deps
    this.#outlets = new Opening(() => openOutlets(source, { host }))
    const store = async () => {
      const outlets = await this.#outlets.get()
      return outlets?.store ?? null
    }
    this.desk = new ReportDesk({ source: source.name, connection, tables, store })
  }

  /** Adds them to the handlers that all sources share. */
  attach(): void {
    const { scheduler, source } = this.#deps
    const outlets = () => this.#outlets.get()
    const add = (name: string, work: SourceWork, idempotent: boolean) =>
      // What there is of timeouts each of them keeps itself
      addSourceWork(scheduler, source.name, { name, timeout: null, idempotent }, this.#told(work))
    add(HISTORY_HANDLER, new HistoryLoads(this.#deps), false)
    add(REPORT_HANDLER, new Reports({ ...this.#deps, outlets }), true)
    add(REQUEST_HANDLER, new TypedRequests(this.#deps), false)
    if (source.reports) {
      scheduler.addChore({
        name: `legacy.reports.${source.name}`,
        interval: EXPIRY_INTERVAL,
        run: () => this.expireReports(),
      })
    }
  }

  /** Lets the requests of its MAPREF that wait go on. */
  #told(work: SourceWork): SourceWork {
    return {
      run: async (context) => {
        try {
          return await work.run(context)
        } finally {
          this.#deps.onEnded((context.payload as { mapref: string }).mapref)
        }
      },
    }
  }

  /** Deletes the files of reports that are older than config keeps them. @returns how many */
  async expireReports(): Promise<number> {
    const { source, clock, logger } = this.#deps
    const outlets = await this.#outlets.get()
    if (!source.reports || !outlets) {
      return 0
    }
    const deleted = await outlets.store.expire(clock.now() - source.reports.keep)
    if (deleted > 0) {
      logger.info({ source: source.name, deleted }, 'Reports have expired')
    }
    return deleted
  }
}
