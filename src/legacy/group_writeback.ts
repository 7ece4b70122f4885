import type { JsonObject } from '../types/json.ts'
import { countsOf, endedRequest, endedRun, errorOf, resultOf, type Closing } from './closing.ts'
import type { LegacyConnection, LegacySession } from './connection.ts'
import type { Dependents, QueuedChildren } from './dependents.ts'
import type { RunTimes } from './run_times.ts'
import type { ScheduleFamily } from './tables/job_schedules.ts'
import type { LegacyTables } from './tables/main.ts'
import type { RequestEnd } from './tables/request_sets.ts'
import type { RunGroups } from './tables/run_groups.ts'
import type { Logger } from '../types/logger.ts'

interface Deps {
  connection: LegacyConnection
  tables: LegacyTables
  dependents: Dependents
  runTimes: RunTimes
  sessionId: number
  nodeId: string
  logger: Logger
}

/** A closing that its request lets end, with the ids still to be given. */
export type GroupedClosing = Omit<Closing, 'ids' | 'endsRequest'>

/** What was written to RESULT_PAYLOAD. */
type Results = Map<Closing, JsonObject>
const NOTHING: ReadonlyMap<Closing, JsonObject> = new Map()

/**
 * Step 5 of several runs in ONE transaction, or in one statement where that is
 * enough. First it takes hold of every row that it is going to change: a run of
 * which one is not as it should be, or is locked by another transaction, is left
 * out and closed by itself, where the guards of `Writeback` decide. What is held
 * is then written in sets.
 */
export class GroupWriteback {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * @returns for each what was written to RESULT_PAYLOAD; null where nothing was written
   * @throws what the database refuses one of them for; then nothing of all was written
   */
  async close(closings: GroupedClosing[]): Promise<(JsonObject | null)[]> {
    const numbered = await this.#numbered(closings)
    const units = await this.#units(numbered)
    const results: Results = new Map()
    for (const unit of units) {
      try {
        const written = await unit()
        written.forEach((result, closing) => results.set(closing, result))
      } catch (error) {
        // What another unit has written stays: those of this one are closed by themselves
        if (units.length === 1) {
          throw error
        }
        this.#deps.logger.debug({ err: error }, 'A part of a group of ends was refused')
      }
    }
    return numbered.map((closing) => results.get(closing) ?? null)
  }

  /**
   * Plain ends in one statement each for those with counts and those without,
   * where the database can; all else in one transaction.
   */
  async #units(closings: Closing[]): Promise<(() => Promise<ReadonlyMap<Closing, JsonObject>>)[]> {
    const { connection, tables } = this.#deps
    const { groups } = tables
    if (!groups) {
      return [() => this.#inTransaction(closings)]
    }
    const maprefs = closings.map(({ run }) => run.mapref)
    const [now, family] = await Promise.all([
      connection.now(),
      tables.schedules.familyOf(connection.session, maprefs),
    ])
    const plain = closings.filter((closing) => this.#isPlain(closing, family))
    const others = closings.filter((closing) => !plain.includes(closing))
    const counted = plain.filter(({ end }) => end.counts !== null)
    const uncounted = plain.filter(({ end }) => end.counts === null)
    return [
      ...[counted, uncounted]
        .filter(({ length }) => length > 0)
        .map((alike) => () => this.#inOne(groups, alike, now)),
      ...(others.length > 0 ? [() => this.#inTransaction(others)] : []),
    ]
  }

  /** Whether it changes nothing but its run, its logs and its request. */
  #isPlain({ run, end }: Closing, { current, parents }: ScheduleFamily): boolean {
    const { schedules } = this.#deps.tables
    const hasChildren = end.status === 'PC' && parents.has(run.mapref)
    const isMarked = schedules.keepsRunTimes && current.has(run.mapref)
    return run.requestId !== null && !hasChildren && !isMarked
  }

  async #inOne(groups: RunGroups, closings: Closing[], now: number): Promise<Results> {
    const { sessionId, nodeId } = this.#deps
    const results: Results = new Map()
    const closed = await groups.close(
      closings.map((closing) => {
        const result = resultOf(closing, null, nodeId)
        results.set(closing, result)
        return {
          request: endedRequest(closing, result, now)!,
          run: endedRun(closing, now),
          counts: countsOf(closing, sessionId, now),
          error: errorOf(closing, sessionId, now),
        }
      })
    )
    for (const closing of closings) {
      if (!closed.has(closing.run.prcid)) {
        results.delete(closing)
      }
    }
    return results
  }

  #inTransaction(closings: Closing[]): Promise<ReadonlyMap<Closing, JsonObject>> {
    return this.#deps.connection.transaction(async (session) => {
      const now = await session.sql.now()
      const open = await this.#open(session, closings)
      return open.length > 0 ? this.#closeOpen(session, open, now) : NOTHING
    })
  }

  /** @returns what was written; runs whose schedule cannot be held are left out */
  async #closeOpen(session: LegacySession, open: Closing[], now: number): Promise<Results> {
    const { tables, runTimes } = this.#deps
    const maprefs = open.map(({ run }) => run.mapref)
    const family = await tables.schedules.familyOf(session, maprefs)
    const schedules = await runTimes.hold(session, maprefs, family)
    const held = open.filter(({ run }) => schedules === null || schedules.has(run.mapref))
    if (held.length === 0) {
      return new Map()
    }
    await this.#writeLogs(session, held, now)
    const children = await this.#children(session, held, family, now)
    const results = await this.#finish(session, held, children, now)
    if (schedules) {
      const runs = held.map(({ run: { mapref }, startedAt }) => ({ mapref, startedAt }))
      await runTimes.markHeld(session, schedules, runs, now)
    }
    return results
  }

  /** Takes the ids that the logs will need. Never inside a transaction. */
  async #numbered(closings: GroupedClosing[]): Promise<Closing[]> {
    const { ids } = this.#deps.tables
    const failed = closings.filter(({ end }) => end.status === 'FL').length
    const jobLogs = await ids.take('jobLog', closings.length)
    const errors = await ids.take('jobError', failed)
    return closings.map((closing, index) => ({
      ...closing,
      ids: {
        jobLogId: jobLogs[index],
        errorId: closing.end.status === 'FL' ? errors.pop()! : 0,
      },
      endsRequest: true,
    }))
  }

  /** Those that are in progress and whose request is theirs, both held. */
  async #open(session: LegacySession, closings: Closing[]): Promise<Closing[]> {
    const { processLogs, requests } = this.#deps.tables
    const prcids = closings.map(({ run }) => run.prcid)
    const inProgress = await processLogs.lockInProgress(session, prcids)
    const open = closings.filter(({ run }) => inProgress.has(run.prcid))
    const claims = open.flatMap(({ run: { requestId, claim: claimedBy } }) =>
      requestId === null ? [] : [{ requestId, claimedBy }]
    )
    if (!requests || claims.length === 0) {
      return open
    }
    const ours = await requests.sets.holdClaims(session, claims)
    return open.filter(({ run: { requestId } }) => requestId === null || ours.has(requestId))
  }

  async #writeLogs(session: LegacySession, held: Closing[], now: number): Promise<void> {
    const { tables, sessionId } = this.#deps
    const runs = held.map((closing) => endedRun(closing, now))
    expectAll(await tables.processLogs.closeAll(session, runs), runs.length)
    const counts = held.map((closing) => countsOf(closing, sessionId, now))
    const errors = held.map((closing) => errorOf(closing, sessionId, now))
    await tables.jobLogs.insertMissing(session, counts.filter(isThere))
    await tables.jobErrors.insertAll(session, errors.filter(isThere))
  }

  /** Queues the children of the successes that have some. */
  async #children(
    session: LegacySession,
    held: Closing[],
    { parents }: ScheduleFamily,
    now: number
  ): Promise<Map<Closing, QueuedChildren>> {
    const queued = new Map<Closing, QueuedChildren>()
    for (const closing of held) {
      const { run, end } = closing
      if (end.status === 'PC' && parents.has(run.mapref)) {
        queued.set(closing, await this.#deps.dependents.queue(session, run, now))
      }
    }
    return queued
  }

  async #finish(
    session: LegacySession,
    held: Closing[],
    children: Map<Closing, QueuedChildren>,
    now: number
  ): Promise<Results> {
    const { tables, nodeId } = this.#deps
    const results: Results = new Map()
    const ends: RequestEnd[] = []
    for (const closing of held) {
      const result = resultOf(closing, children.get(closing) ?? null, nodeId)
      const end = endedRequest(closing, result, now)
      results.set(closing, result)
      if (end) {
        ends.push(end)
      }
    }
    if (tables.requests && ends.length > 0) {
      expectAll(await tables.requests.sets.finishAll(session, ends), ends.length)
    }
    return results
  }
}

function isThere<T>(value: T | null): value is T {
  return value !== null
}

/** What is held cannot change: a trigger or a rule of the database is at work, and each goes by itself. */
function expectAll(changed: number, expected: number): void {
  if (changed !== expected) {
    throw new Error(`${changed} of ${expected} rows were changed`)
  }
}
