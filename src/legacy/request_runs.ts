import type { RunAnswer, Seats } from '../types/work_source.ts'
import { E_PAYLOAD_NOT_JSON, E_PAYLOAD_TOO_LARGE } from '../errors.ts'
import { birthOf } from './request_births.ts'
import type { RequestEnds } from './request_ends.ts'
import type { RunnableRequest } from './request_mapper.ts'
import type { Runtime, SourceDeps } from './runtime.ts'
import type { Requests, RequestRow } from './tables/requests.ts'

/** A claimed row with what it asks for. */
export interface ClaimedRequest {
  row: RequestRow
  request: RunnableRequest
}

interface Deps extends SourceDeps {
  ends: RequestEnds
}

/** Makes executions of claimed requests, claimed at birth by this node. */
export class RequestRuns {
  readonly #deps: Deps
  /** MAPREFs that another run has, by the monotonic time of the refusal. */
  readonly #held = new Map<string, number>()
  /** For each call of `run` under way, the MAPREFs whose runs ended meanwhile. */
  readonly #ended = new Set<Set<string>>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** MAPREFs not to ask for again before the next poll, or the end of their run here. */
  get held(): string[] {
    const now = this.#deps.clock.monotonic()
    for (const [mapref, since] of this.#held) {
      if (now - since >= this.#deps.source.pollInterval) {
        this.#held.delete(mapref)
      }
    }
    return [...this.#held.keys()]
  }

  /** A run of this MAPREF has ended here: it may be asked for again. */
  ended(mapref: string): void {
    this.#held.delete(mapref)
    for (const meanwhile of this.#ended) {
      meanwhile.add(mapref)
    }
  }

  /** @returns how many run */
  async run(
    runtime: Runtime,
    requests: Requests,
    claimed: ClaimedRequest[],
    seats: Seats
  ): Promise<number> {
    const ended = new Set<string>()
    this.#ended.add(ended)
    try {
      return await this.#run(runtime, requests, claimed, seats, ended)
    } finally {
      this.#ended.delete(ended)
    }
  }

  async #run(
    runtime: Runtime,
    requests: Requests,
    claimed: ClaimedRequest[],
    seats: Seats,
    ended: ReadonlySet<string>
  ): Promise<number> {
    const { name } = this.#deps.source
    const prcids = await runtime.tables.ids.take('processLog', claimed.length)
    let answers: RunAnswer[]
    try {
      answers = await seats.run(
        claimed.map((one, at) => birthOf(name, one.request, one.row.claimedBy!, prcids[at]))
      )
    } catch (error) {
      return this.#notRun(runtime, requests, claimed, seats, error)
    }
    let taken = 0
    for (const [index, answer] of answers.entries()) {
      if (answer.accepted) {
        taken++
      } else if (answer.conflict === 'concurrency') {
        await this.#postpone(requests, claimed[index], ended)
      } else if (answer.conflict === 'stopped') {
        await this.#deps.ends.handBack(requests, [claimed[index].row])
      }
    }
    return taken
  }

  /** Another run has the MAPREF: the request waits in the table. */
  async #postpone(
    requests: Requests,
    { row, request }: ClaimedRequest,
    ended: ReadonlySet<string>
  ): Promise<void> {
    await this.#deps.ends.handBack(requests, [row])
    // That run may be over already: nobody would let go of what is held from now on
    if (!ended.has(request.mapref)) {
      this.#held.set(request.mapref, this.#deps.clock.monotonic())
    }
  }

  /**
   * Our own store did not take the runs. A payload that it refuses is that one
   * row's fault; for everything else the rows go back, and the pull fails.
   */
  async #notRun(
    runtime: Runtime,
    requests: Requests,
    claimed: ClaimedRequest[],
    seats: Seats,
    error: unknown
  ): Promise<number> {
    const rows = claimed.map(({ row }) => row)
    if (!(error instanceof E_PAYLOAD_TOO_LARGE || error instanceof E_PAYLOAD_NOT_JSON)) {
      await this.#deps.ends.handBack(requests, rows)
      throw error
    }
    if (claimed.length === 1) {
      const reason = `the request cannot be run: ${(error as Error).message}`
      await this.#deps.ends.refuse(requests, rows[0], reason)
      return 0
    }
    let taken = 0
    for (const one of claimed) {
      taken += await this.run(runtime, requests, [one], seats)
    }
    return taken
  }
}
