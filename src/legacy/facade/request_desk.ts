import { E_LEGACY_CONFLICT } from '../../errors.ts'
import { integer, oneOf, refuseOthers, text } from '../../input/fields.ts'
import { Problems } from '../../input/problems.ts'
import { isOpen } from '../../executions/state.ts'
import { KnownNodes } from '../known_nodes.ts'
import { requestKey } from '../request_births.ts'
import type { BookedRequest, RequestFilter } from '../tables/request_book.ts'
import { BLOCKING_AGE, type ProcessLogRow } from '../tables/process_logs.ts'
import type { FacadeDeps } from './deps.ts'
import { asObject, isGiven, readMapref } from './fields.ts'
import { withRequests } from './request_queue.ts'

/**
 * Who holds a claimed request: a process of this installation that lives or
 * is gone, another program, or one that claimed it more than 24 hours ago.
 */
export type RequestOwner = 'live' | 'dead' | 'foreign' | 'stale'

export interface RequestView extends BookedRequest {
  /** Since it was requested, ms; null when that is unknown. */
  age: number | null
  /** null unless it is claimed. */
  owner: RequestOwner | null
}

export interface RequestDetails extends RequestView {
  /** JSON texts as they are stored. */
  payload: string | null
  result: string | null
}

export interface QueueSummary {
  total: number
  /** By STATUS; NEW, CLAIMED, DONE and FAILED always. */
  counts: Record<string, number>
  /** Claimed rows that nobody works on: their owner is dead or stale. */
  stuck: number
  /** The newest runs. */
  recent: ProcessLogRow[]
}

export type RequestQuery = Partial<RequestFilter>

const STATUSES = { NEW: 0, CLAIMED: 0, DONE: 0, FAILED: 0 }
const MOST = 10_000
const RECENT = 20
/** Rows that a scheduled run or a run by hand was born with. */
const BORN_CLAIMED = /^[SM]:/

/** The request table for those who look after it. */
export class RequestDesk {
  readonly #deps: FacadeDeps
  readonly #nodes: KnownNodes

  constructor(deps: FacadeDeps) {
    this.#deps = deps
    this.#nodes = new KnownNodes(deps.scheduler)
  }

  /**
   * Newest first; 100 unless a limit is given.
   *
   * @throws E_INVALID_INPUT
   */
  async list(query: RequestQuery = {}): Promise<RequestView[]> {
    const filter = readQuery(query)
    const { requestBook } = await this.#tables()
    const { session } = this.#deps.connection
    return this.#views(await requestBook.list(session, filter))
  }

  /** @throws E_INVALID_INPUT when there is no such request */
  async show(requestId: string): Promise<RequestDetails> {
    const { requestBook } = await this.#tables()
    const { session } = this.#deps.connection
    const view = await this.#find(requestId)
    return { ...view, ...(await requestBook.texts(session, requestId)) }
  }

  /**
   * Queues a FAILED request again, under its own id.
   *
   * @throws E_LEGACY_CONFLICT when it has not failed, or belongs to one slot
   */
  async retry(requestId: string): Promise<void> {
    const { requestBook } = await this.#tables()
    const { status } = await this.#find(requestId)
    refuseBornClaimed(requestId)
    if (status !== 'FAILED') {
      throw conflict(requestId, `it is ${status}; only a FAILED one can be queued again`)
    }
    if (!(await requestBook.retry(this.#deps.connection.session, requestId))) {
      throw conflict(requestId, 'another program changed it meanwhile')
    }
  }

  /**
   * Gives a claimed request back to the queue. One that may still be worked on
   * (its owner lives, or is another program of the last 24 hours, or its
   * execution is open) is left alone without `force`.
   *
   * @throws E_LEGACY_CONFLICT
   */
  async release(requestId: string, options: { force?: boolean } = {}): Promise<void> {
    const { requests } = await this.#tables()
    const request = await this.#find(requestId)
    refuseBornClaimed(requestId)
    const { status, claimedBy } = request
    if (status !== 'CLAIMED' || claimedBy === null) {
      throw conflict(requestId, `it is ${status}; only a CLAIMED one can be released`)
    }
    const holder = options.force ? null : await this.#holder(request)
    if (holder) {
      throw conflict(requestId, `${holder}; force releases it, and it may then run twice`)
    }
    const { session } = this.#deps.connection
    if (!(await requests.handBack(session, { requestId, claimedBy }))) {
      throw conflict(requestId, 'another program changed it meanwhile')
    }
  }

  async summary(): Promise<QueueSummary> {
    const { requestBook, processLogs } = await this.#tables()
    const { session } = this.#deps.connection
    const counts = { ...STATUSES, ...(await requestBook.counts(session)) }
    const claimed = await this.#views(await requestBook.listClaimed(session))
    return {
      total: Object.values(counts).reduce((sum, count) => sum + count, 0),
      counts,
      stuck: claimed.filter(({ owner }) => owner === 'dead' || owner === 'stale').length,
      recent: await processLogs.listRecent(session, RECENT),
    }
  }

  /** Why a claimed row may still be worked on; null when it is not. */
  async #holder({ requestId, claimedBy, owner }: RequestView): Promise<string | null> {
    const { scheduler, source } = this.#deps
    if (owner === 'live') {
      return `node "${claimedBy}" lives and works on it`
    }
    if (owner === 'foreign') {
      return `"${claimedBy}" of another program claimed it in the last 24 hours`
    }
    const key = requestKey(source.name, requestId, claimedBy!)
    const execution = await scheduler.executions.findByDedupeKey(key)
    return execution && isOpen(execution.state)
      ? `its execution ${execution.id} is ${execution.state}, and is rescued when its lease has lapsed`
      : null
  }

  async #find(requestId: string): Promise<RequestView> {
    const { requestBook } = await this.#tables()
    const isText = typeof requestId === 'string' && requestId !== ''
    const row = isText && (await requestBook.find(this.#deps.connection.session, requestId))
    if (!row) {
      const problems = new Problems()
      problems.report('requestId', requestId, 'there is no such request; list them first')
      problems.throwAny('The request')
    }
    const [view] = await this.#views([row as BookedRequest])
    return view
  }

  async #views(rows: BookedRequest[]): Promise<RequestView[]> {
    await this.#nodes.refresh()
    const now = await this.#deps.connection.now()
    return rows.map((row) => ({
      ...row,
      age: row.requestedAt === null ? null : Math.max(0, now - row.requestedAt),
      owner: this.#ownerOf(row, now),
    }))
  }

  #ownerOf({ status, claimedBy, claimedAt }: BookedRequest, now: number): RequestOwner | null {
    if (status !== 'CLAIMED') {
      return null
    }
    const owner = claimedBy === null ? 'foreign' : this.#nodes.ownerOf(claimedBy)
    if (owner === 'foreign') {
      return claimedAt !== null && claimedAt <= now - BLOCKING_AGE ? 'stale' : 'foreign'
    }
    return owner === 'dead' ? 'dead' : 'live'
  }

  async #tables() {
    const { source, tables } = this.#deps
    return withRequests(await tables(), source.name, source.tables.requests.name)
  }
}

function readQuery(query: unknown): RequestFilter {
  const problems = new Problems()
  const { report } = problems
  const given = asObject(query, '{ status: "FAILED" }', report)
  refuseOthers('', given, ['status', 'type', 'mapref', 'limit'], report)
  const limit = given.limit ?? 100
  const word = (field: string) => {
    const value = given[field]
    return typeof value === 'string' ? value.trim().toUpperCase() : value
  }
  const [status, type] = [word('status'), word('type')]
  const filter = {
    status: isGiven(status) ? oneOf('status', status, STATUS_WORDS, report) : undefined,
    type: isGiven(type) ? text('type', type, LONGEST_TYPE, report) : undefined,
    mapref: isGiven(given.mapref) ? readMapref('mapref', given.mapref, report) : undefined,
    limit: integer('limit', limit, { min: 1, max: MOST }, report)!,
  }
  problems.throwAny('The filter')
  return filter
}

const STATUS_WORDS = ['NEW', 'QUEUED', 'CLAIMED', 'PROCESSING', 'DONE', 'FAILED'] as const
/** Of REQUEST_TYPE. */
const LONGEST_TYPE = 30

/** Its id is the guard of one slot: as NEW it would let the slot run twice. */
function refuseBornClaimed(requestId: string): void {
  if (BORN_CLAIMED.test(requestId)) {
    throw conflict(requestId, 'it belongs to one scheduled run and is never queued; run its MAPREF')
  }
}

function conflict(requestId: string, reason: string): Error {
  return new E_LEGACY_CONFLICT([`Request "${requestId}"`, reason])
}
