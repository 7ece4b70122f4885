import type { LegacyConnection } from '../connection.ts'
import { Refusal } from '../request_fields.ts'
import type { LegacyTables } from '../tables/main.ts'
import { dayAfter, readWrittenDay, type Day } from './days.ts'
import type { HistoryLoad } from './load.ts'
import type { HistoryPayload } from './payload.ts'
import { dayEnded, freshProgress, readEarlier, type HistoryProgress } from './progress.ts'
import { checkRange, type OnError } from './request.ts'

/** Where DWPARAMS has the default first day. */
const FIRST_DAY = { type: 'HIST_LOAD', code: 'DWT_PARAM1' }
const DAY_LENGTH = 'yyyy-MM-dd'.length

interface Deps {
  connection: LegacyConnection
  tables: LegacyTables
  /** Where the request does not say it. */
  onError: OnError
}

/** What a load begins with: its days, and what an earlier start has done of them. */
export class HistoryBegin {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * The progress that a load begins with. The same request, started before,
   * goes on at the first day that is not complete.
   *
   * @throws Refusal when the days cannot be told
   */
  async progress(payload: HistoryPayload): Promise<HistoryProgress> {
    const { connection, tables } = this.#deps
    const onError = payload.onError ?? this.#deps.onError
    const told = await tables.requestProgress?.read(connection.session, payload.requestId)
    const earlier = readEarlier(told ?? null)
    if (!earlier || !asksFor(payload, earlier.progress)) {
      const [first, last] = [await this.#first(payload), await this.#last(payload)]
      checkRange(first, last)
      return freshProgress({ first, last, onError }, payload.truncate)
    }
    const progress = { ...earlier.progress, onError }
    return earlier.underWay ? this.#settled(progress, earlier.underWay) : progress
  }

  /**
   * Empties the target before the first day. "truncating" is stored before,
   * "truncated" after; once a day is complete it is never done again.
   *
   * @throws Refusal when there is no target that may be emptied
   */
  async truncate(load: HistoryLoad): Promise<void> {
    const { truncate, complete } = load.progress
    if (truncate === null || truncate === 'truncated' || complete > 0) {
      return
    }
    const { tables, connection } = this.#deps
    const { session } = connection
    const { mapref } = load.payload
    const target = await tables.targets.find(session, mapref)
    if (!target.ok) {
      throw new Refusal(
        `the target of MAPREF "${mapref}" cannot be truncated: ${target.reason}; correct it, or leave truncate_flag out`
      )
    }
    await load.keep({ truncate: 'truncating' })
    await load.tell(null)
    load.context.logger.info(`Truncating ${target.name}`)
    await tables.targets.empty(session, target.name, load.context.signal)
    await load.keep({ truncate: 'truncated' })
    await load.tell(null)
  }

  /** A run that was under way, of which only its row tells whether it completed. */
  async #settled(
    progress: HistoryProgress,
    { day, prcid }: { day: Day; prcid: number }
  ): Promise<HistoryProgress> {
    const { connection, tables } = this.#deps
    const log = await tables.processLogs.find(connection.session, prcid)
    if (log?.status !== 'PC') {
      return progress
    }
    const rows = { source: 0, target: 0, errors: 0 }
    const settled = dayEnded(progress, day, { prcid, rows })
    return { ...settled, truncate: settled.truncate && 'truncated' }
  }

  async #first({ first }: HistoryPayload): Promise<Day> {
    if (first !== null) {
      return first
    }
    const { connection, tables } = this.#deps
    const { type, code } = FIRST_DAY
    const value = await tables.parameters.value(connection.session, type, code)
    const day = value === null ? null : readWrittenDay(value)
    if (day === null) {
      const found = value === null ? 'has no value' : `is "${value}", no day as 01-Jan-2020`
      throw new Refusal(
        `the request has no start_date, and the default first day (DWPARAMS ${type}, ${code}) ${found}; give one of them`
      )
    }
    return day
  }

  /** Yesterday in the zone of the legacy columns, by the database's clock. */
  async #last({ last }: HistoryPayload): Promise<Day> {
    if (last !== null) {
      return last
    }
    const { connection } = this.#deps
    const today = connection.wallClock.render(await connection.now()).slice(0, DAY_LENGTH)
    return dayAfter(today, -1)
  }
}

/** A request whose days were changed is another load. */
function asksFor({ first, last }: HistoryPayload, earlier: HistoryProgress): boolean {
  return (first ?? earlier.first) === earlier.first && (last ?? earlier.last) === earlier.last
}
