import type { JsonObject } from '../types/json.ts'
import { countsOf, endedRequest, endedRun, errorOf, resultOf, type Closing } from './closing.ts'
import type { LegacyConnection, LegacySession } from './connection.ts'
import type { Dependents, QueuedChildren } from './dependents.ts'
import type { HeldSchedules, RunTimes } from './run_times.ts'
import type { LegacyTables } from './tables/main.ts'

interface Deps {
  connection: LegacyConnection
  tables: LegacyTables
  dependents: Dependents
  runTimes: RunTimes
  sessionId: number
  nodeId: string
}

/** A closing that its request lets end, with the ids still to be given. */
export type GroupedClosing = Omit<Closing, 'ids' | 'endsRequest'>

interface Ended {
  closing: Closing
  result: JsonObject
}

/**
 * Step 5 of several runs in ONE transaction. First it takes hold of every row
 * that it is going to change: a run of which one is not as it should be, or is
 * locked by another transaction, is left out and closed by itself, where the
 * guards of `Writeback` decide. What is held is then written in sets.
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
    return this.#deps.connection.transaction(async (session) => {
      const now = await session.sql.now()
      const open = await this.#open(session, numbered)
      const schedules = await this.#schedules(session, open)
      const held = open.filter(({ run }) => schedules === null || schedules.has(run.mapref))
      const results = new Map<number, JsonObject>()
      if (held.length > 0) {
        for (const { closing, result } of await this.#write(session, held, now)) {
          results.set(closing.run.prcid, result)
        }
        await this.#mark(session, held, schedules, now)
      }
      return numbered.map(({ run }) => results.get(run.prcid) ?? null)
    })
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

  async #schedules(session: LegacySession, open: Closing[]): Promise<HeldSchedules | null> {
    const maprefs = open.map(({ run }) => run.mapref)
    return maprefs.length === 0 ? null : this.#deps.runTimes.hold(session, maprefs)
  }

  async #write(session: LegacySession, held: Closing[], now: number): Promise<Ended[]> {
    const { tables, sessionId, nodeId } = this.#deps
    const runs = held.map((closing) => endedRun(closing, now))
    expectAll(await tables.processLogs.closeAll(session, runs), runs.length)
    const counts = held.map((closing) => countsOf(closing, sessionId, now))
    const errors = held.map((closing) => errorOf(closing, sessionId, now))
    await tables.jobLogs.insertMissing(session, counts.filter(isThere))
    await tables.jobErrors.insertAll(session, errors.filter(isThere))
    const children = await this.#children(session, held, now)
    const ended = held.map((closing) => ({
      closing,
      result: resultOf(closing, children.get(closing) ?? null, nodeId),
    }))
    const requests = ended.map(({ closing, result }) => endedRequest(closing, result, now))
    const there = requests.filter(isThere)
    if (tables.requests && there.length > 0) {
      expectAll(await tables.requests.sets.finishAll(session, there), there.length)
    }
    return ended
  }

  /** Queues the children of the successes that have some. */
  async #children(
    session: LegacySession,
    held: Closing[],
    now: number
  ): Promise<Map<Closing, QueuedChildren>> {
    const { tables, dependents } = this.#deps
    const queued = new Map<Closing, QueuedChildren>()
    const succeeded = held.filter(({ end }) => end.status === 'PC')
    if (!tables.requests || succeeded.length === 0) {
      return queued
    }
    const maprefs = succeeded.map(({ run }) => run.mapref)
    const parents = await tables.schedules.parentsAmong(session, maprefs)
    for (const closing of succeeded) {
      if (parents.has(closing.run.mapref)) {
        queued.set(closing, await dependents.queue(session, closing.run, now))
      }
    }
    return queued
  }

  async #mark(
    session: LegacySession,
    held: Closing[],
    schedules: HeldSchedules | null,
    now: number
  ): Promise<void> {
    if (schedules) {
      const runs = held.map(({ run: { mapref }, startedAt }) => ({ mapref, startedAt }))
      await this.#deps.runTimes.markHeld(session, schedules, runs, now)
    }
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
