import { sleep } from '../../clock.ts'
import { E_LEGACY_TABLE } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { Problems } from '../../input/problems.ts'
import type { JsonValue } from '../../types/json.ts'
import type { LegacyTables } from '../tables/main.ts'
import type { FacadeDeps } from './deps.ts'
import {
  readHistory,
  readImmediate,
  readReportRequest,
  readStop,
  type RequestReader,
} from './request_input.ts'
import { activeFlow } from './schedules.ts'

export interface WaitForRequest {
  /** Returns once the request has ended. Default false. */
  wait?: boolean
  /** Longest wait, ms. Default: no limit. */
  timeout?: number
  signal?: AbortSignal
}

/** A request, as it was last seen. */
export interface RequestAnswer {
  requestId: string
  /** NEW, CLAIMED, DONE or FAILED; GONE when the row was deleted. */
  status: string
  /** RESULT_PAYLOAD; null until the request has ended. */
  result: JsonValue
}

/** ms between two looks at a row that another process ends. */
const INTERVAL = 250
const ENDED = ['DONE', 'FAILED', 'GONE']

/** Queues requests as every other program does: a NEW row in the request table. */
export class RequestQueue {
  readonly #deps: FacadeDeps

  constructor(deps: FacadeDeps) {
    this.#deps = deps
  }

  immediate(input: unknown, problems?: Problems): Promise<string> {
    return this.#queue(input, readImmediate, problems)
  }

  history(input: unknown, problems?: Problems): Promise<string> {
    return this.#queue(input, readHistory, problems)
  }

  report(input: unknown): Promise<string> {
    return this.#queue(input, readReportRequest)
  }

  stop(input: unknown, problems?: Problems): Promise<string> {
    return this.#queue(input, readStop, problems)
  }

  /** The request as it is now, or once it has ended. */
  async answer(requestId: string, options: WaitForRequest): Promise<RequestAnswer> {
    const { connection, clock } = this.#deps
    const { requestBook } = await this.#tables()
    const until = clock.monotonic() + (options.timeout ?? Infinity)
    for (;;) {
      const request = await requestBook.find(connection.session, requestId)
      const status = request?.status ?? 'GONE'
      const left = until - clock.monotonic()
      if (!options.wait || ENDED.includes(status) || options.signal?.aborted || left <= 0) {
        const texts = await requestBook.texts(connection.session, requestId)
        return { requestId, status, result: ENDED.includes(status) ? parsed(texts.result) : null }
      }
      await sleep(clock, Math.min(INTERVAL, left), options.signal)
    }
  }

  async #queue(input: unknown, read: RequestReader, problems = new Problems()): Promise<string> {
    const { connection, source } = this.#deps
    const { session, wallClock } = connection
    const tables = await this.#tables()
    const wanted = read(input, { wallClock, maxPayload: source.maxPayload }, problems.report)
    if (wanted && (wanted.type === 'IMMEDIATE' || wanted.type === 'HISTORY')) {
      await activeFlow(session, tables, wanted.mapref, problems)
    }
    problems.throwAny('The request')
    const requestId = newId()
    const now = await connection.now()
    await tables.requests.insert(session, { requestId, ...wanted!, now })
    return requestId
  }

  async #tables() {
    const { source, tables } = this.#deps
    return withRequests(await tables(), source.name, source.tables.requests.name)
  }
}

/** @throws E_LEGACY_TABLE where requests are off */
export function withRequests(tables: LegacyTables, source: string, table: string) {
  const { requests, requestBook } = tables
  if (!requests || !requestBook) {
    const reason = 'is not used: it does not exist, or config says requests: false'
    throw new E_LEGACY_TABLE([source, table, reason])
  }
  return { ...tables, requests, requestBook }
}

function parsed(text: string | null): JsonValue {
  try {
    return JSON.parse(text ?? 'null') as JsonValue
  } catch {
    // Another program's words
    return text
  }
}
