import { ReleaseSignal } from '../../jobs/outcome.ts'
import type { AbortReason, HandlerContext } from '../../types/handlers.ts'
import type { JsonObject } from '../../types/json.ts'
import { Backoff } from '../backoff.ts'
import { isTransient } from '../connection.ts'
import { endOfThrow, failure } from '../engine/failure.ts'
import type { LogicEnd } from '../engine/flow_run.ts'
import type { SourceWork } from '../engine/source_handler.ts'
import type { FlowVerdict } from '../engine/verdict.ts'
import { Failed } from '../../jobs/outcome.ts'
import { Refusal } from '../request_fields.ts'
import { orReleased } from '../request_closing.ts'
import { endRequest, untilStopped } from '../request_end.ts'
import type { OpenRuntime, Runtime, SourceDeps } from '../runtime.ts'
import type { ReportsConfig } from './config.ts'
import { findReport } from './definitions.ts'
import { checkAddresses, sendReport, type SendMail } from './mail.ts'
import type { ReportPayload } from './payload.ts'
import { Production, resultOfReport, type Produced } from './production.ts'
import { readSelects } from './selects.ts'
import type { ReportStore } from './store.ts'

/** Where the files of a source go, and how they are sent. */
export interface ReportOutlets {
  store: ReportStore
  /** null: mail is not configured. */
  send: SendMail | null
}

/** Looked for at the first report; null: config allows none. */
export type OpenOutlets = () => Promise<ReportOutlets | null>

interface Deps extends SourceDeps {
  open: OpenRuntime
  outlets: OpenOutlets
}

/** Times that a report begins again whose database was lost. */
const MOST_RESTARTS = 5

/**
 * REPORT requests of one source: the SELECTs of a report, streamed to files.
 * A report that was cut off is simply made again: its files have the names of
 * their request, and come to be only when they are whole.
 */
export class Reports implements SourceWork {
  readonly #deps: Deps
  readonly #backoff = new Backoff()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async run(context: HandlerContext): Promise<FlowVerdict> {
    const runtime = await orReleased(this.#backoff, () => this.#deps.open())
    const request = context.execution.payload as ReportPayload
    const details = { report: request.reportId }
    const work = () => this.#run(runtime, context, request)
    return untilStopped(this.#deps, runtime, context, { request, details, work })
  }

  async #run(
    runtime: Runtime,
    context: HandlerContext,
    request: ReportPayload
  ): Promise<FlowVerdict> {
    const began = this.#deps.clock.monotonic()
    let details: JsonObject = { report: request.reportId }
    let end: LogicEnd = { status: 'PC', counts: null, error: null }
    let thrown: unknown = null
    try {
      details = { ...details, ...(await this.#make(runtime, context, request)) }
      details.seconds = Math.round(this.#deps.clock.monotonic() - began) / 1000
    } catch (error) {
      thrown = error
      end = this.#endOf(error, context, this.#deps.clock.monotonic() - began)
    }
    const ended = await endRequest(this.#deps, runtime, context, { request, end, details })
    if (thrown !== null && context.signal.reason === 'timeout' && ended instanceof Failed) {
      // The executor tells a timeout by its signal, and stores it as what it is
      throw thrown
    }
    return ended
  }

  async #make(
    runtime: Runtime,
    context: HandlerContext,
    { source, requestId, reportId, wishes, binds }: ReportPayload
  ): Promise<JsonObject> {
    const { connection } = this.#deps
    const { reports, outlets } = await this.#configured()
    const key = `legacy.sources.${source}.reports`
    const { tables } = runtime
    const report = await findReport({ connection, tables, reports, key }, reportId, wishes)
    const selects = readSelects(report.sql, binds, connection.session.sql.dialect)
    checkAddresses(wishes.mailTo, reports.mail, key)
    if (wishes.mailTo.length > 0 && !outlets.send) {
      throw new Refusal('PAYLOAD.mail_to is given, and the app has no @adonisjs/mail')
    }
    const production = new Production({
      session: connection.session.sql,
      store: outlets.store,
      reports,
      wallClock: connection.wallClock,
      context,
      identity: { source, requestId, reportId },
    })
    context.extend(reports.timeout)
    const make = () => production.run(report, selects)
    // On SQLite it reads beside the connection that flows take turns on
    const beside = connection.session.sql.dialect === 'sqlite'
    const produced = beside ? await make() : await connection.flowPlaces.in(context.signal, make)
    const mailed = await this.#mail(reports, outlets, { to: wishes.mailTo, reportId, produced })
    const expires = (await connection.now()) + reports.keep
    return {
      format: report.format,
      ...resultOfReport(produced),
      ...mailed,
      expires_at: new Date(expires).toISOString(),
    }
  }

  async #mail(
    { mail }: ReportsConfig,
    { send, store }: ReportOutlets,
    { to, reportId, produced }: { to: string[]; reportId: string; produced: Produced }
  ): Promise<JsonObject> {
    const { logger } = this.#deps
    if (to.length === 0 || !mail || !send) {
      return {}
    }
    const told = await sendReport({ mail, send, store }, to, reportId, produced)
    if (told.error !== undefined) {
      logger.warn({ reportId, error: told.error }, 'A report was made, and could not be mailed')
    }
    return { mail: told }
  }

  async #configured(): Promise<{ reports: ReportsConfig; outlets: ReportOutlets }> {
    const { reports, name } = this.#deps.source
    const outlets = await this.#deps.outlets()
    if (!reports || !outlets) {
      throw new Refusal(
        `reports are off: legacy.sources.${name}.reports is not in config/almanac.ts`
      )
    }
    return { reports, outlets }
  }

  /** @throws ReleaseSignal when it is to be made again, here or elsewhere */
  #endOf(error: unknown, { signal, attempt }: HandlerContext, elapsed: number): LogicEnd {
    const aborted = signal.aborted ? (signal.reason as AbortReason) : null
    if (error instanceof Refusal) {
      return failure('REQUEST', error.reason)
    }
    if (error instanceof ReleaseSignal || aborted === 'lease lost') {
      throw error
    }
    if (aborted === 'shutdown') {
      throw new ReleaseSignal(0, 'shutdown')
    }
    if (aborted === null && isTransient(error) && attempt <= MOST_RESTARTS) {
      const reason = `the legacy database was lost: ${(error as Error).message}`
      throw new ReleaseSignal(this.#backoff.failed(), reason)
    }
    return endOfThrow(error, aborted, elapsed)
  }
}
