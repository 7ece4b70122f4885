import { E_INVALID_INPUT } from '../errors.ts'
import { newId } from '../ids.ts'
import { checkKey } from '../keys.ts'
import { toJson } from '../json.ts'
import type { Clock, ClockTimer } from '../clock.ts'
import type { BirthResult, NewExecution, Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { RunAnswer, RunRequest, Seats } from '../types/work_source.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { HandlerRegistry } from './handler_registry.ts'
import { Hold } from './hold.ts'
import type { Lane } from './lane.ts'

/** A pull that hangs keeps its unused seats no longer than this, ms. */
const PATIENCE = 5_000

export interface PullDeps {
  storage: Storage
  registry: HandlerRegistry
  dispatcher: Pick<Dispatcher, 'add'>
  lane: Lane
  clock: Clock
  nodeId: string
  config: Pick<CoreConfig, 'lease' | 'maxPayload'>
}

/**
 * The seats of one pull. Unused ones go back when the pull returns, or when
 * it hangs; work that was claimed by then is still taken in.
 */
export class PullSeats implements Seats {
  readonly count: number
  /** How many of them have a free slot: the others are ahead. */
  readonly now: number
  readonly #deps: PullDeps
  readonly #source: string
  readonly #timer: ClockTimer
  #left: number
  #reserved: number
  #closed = false

  constructor(deps: PullDeps, source: string, count: number) {
    this.#deps = deps
    this.#source = source
    this.count = count
    const { slots, seats } = deps.lane
    this.now = Math.max(0, Math.min(count, slots - (seats.busy - count)))
    this.#left = count
    this.#reserved = count
    this.#timer = deps.clock.timer(PATIENCE, () => this.#returnUnused())
  }

  /** How many executions were accepted. */
  get used(): number {
    return this.count - this.#left
  }

  /** Who claims, and for how long: for the calls of the storage. */
  get claimant(): { node: string; lease: number; now: number | null } {
    const { nodeId, config, clock } = this.#deps
    return { node: nodeId, lease: config.lease.ttl, now: clock.nowOrNull() }
  }

  async run(requests: RunRequest[]): Promise<RunAnswer[]> {
    this.#check(requests.length)
    if (requests.length === 0) {
      return []
    }
    const executions = requests.map((request) => this.#birth(request))
    const began = this.#deps.clock.monotonic()
    const born = await this.#deps.storage.executions.insertRunning({
      ...this.claimant,
      executions,
    })
    this.accept(
      // The source is given a record of its own
      born.flatMap((birth) => (birth.inserted ? [{ ...birth.execution }] : [])),
      began
    )
    return born.map(toAnswer)
  }

  /**
   * Hands claimed executions to the dispatcher.
   *
   * @param executions which nobody else keeps
   * @param began when the claim was sent, on the monotonic scale
   */
  accept(executions: ExecutionRecord[], began: number): void {
    const trustedUntil = began + this.#deps.config.lease.ttl
    const { clock, lane, dispatcher } = this.#deps
    const covered = Math.min(this.#reserved, executions.length)
    this.#reserved -= covered
    this.#left -= executions.length
    lane.seats.force(executions.length - covered)
    dispatcher.add(
      executions.map(
        (execution) => new Hold({ execution, lane, source: this.#source, trustedUntil, clock })
      )
    )
  }

  /** The pull has returned. */
  close(): void {
    this.#closed = true
    this.#timer.cancel()
    this.#returnUnused()
  }

  #returnUnused(): void {
    const unused = this.#reserved
    this.#reserved = 0
    if (unused > 0) {
      this.#deps.lane.seats.release(unused)
    }
  }

  #check(requested: number): void {
    if (this.#closed || requested > this.#left) {
      const message = this.#closed
        ? 'the pull that these seats belong to has returned'
        : `give at most ${this.#left}`
      throw new E_INVALID_INPUT(`A pull of source "${this.#source}"`, [
        { field: 'requests', value: String(requested), message },
      ])
    }
  }

  #birth(request: RunRequest): NewExecution {
    const definition = this.#deps.registry.get(request.handler)
    checkKey(request.dedupeKey, 'dedupeKey')
    checkKey(request.concurrencyKey, 'concurrencyKey')
    toJson(request.payload, { field: 'payload', limit: this.#deps.config.maxPayload })
    return {
      id: newId(),
      eventId: request.eventId ?? null,
      handler: request.handler,
      queue: request.queue ?? definition.queue,
      origin: 'request',
      payload: request.payload,
      priority: request.priority ?? definition.priority,
      slot: null,
      slotKey: null,
      rerunOf: null,
      dedupeKey: request.dedupeKey,
      concurrencyKey: request.concurrencyKey,
      availableAt: null,
      timeout: request.timeout ?? null,
      retries: request.retries ?? null,
    }
  }
}

function toAnswer(birth: BirthResult): RunAnswer {
  if (birth.inserted) {
    return { accepted: true, execution: birth.execution }
  }
  return birth.conflict === 'stopped'
    ? { accepted: false, conflict: 'stopped', executionId: null }
    : { accepted: false, conflict: birth.conflict, executionId: birth.id }
}
