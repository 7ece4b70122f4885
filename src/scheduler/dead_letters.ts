import { executionNotice } from '../executions/notices.ts'
import { readHistoryFilter, type HistoryFilter } from '../executions/history_filter.ts'
import { newId } from '../ids.ts'
import { readAuthor, type Author } from './author.ts'
import { E_EXECUTION_NOT_DEAD, E_EXECUTION_NOT_FOUND, E_EXECUTION_REDRIVEN } from '../errors.ts'
import type { Clock } from '../clock.ts'
import { withSkippedChildren } from './redriven_run.ts'
import type { NewExecution, Storage } from '../storage/contract.ts'
import type { ExecutionRecord, ExecutionState } from '../types/executions.ts'
import type { Notifier } from '../types/notifications.ts'

/** Ended without success, and nothing of their own will try them again. */
export const DEAD_STATES = ['failed', 'timed_out', 'abandoned'] as const satisfies ExecutionState[]
/** Letters that one call reads, where the filter says nothing. */
const LIMIT = 100

/** Which dead letters; `states` are theirs alone. */
export type DeadLetterFilter = Omit<HistoryFilter, 'states'>

export interface Redriven {
  /** Of the dead letter. */
  from: string
  /** Of the new execution; of the open one where it was redriven already. */
  id: string
  inserted: boolean
}

export interface RedriveOptions {
  /** Why, for the journal. */
  reason?: string
  /** Who, for the journal. Default `system`. */
  by?: string
}

interface Deps {
  storage: Storage
  clock: Clock
  notifier: Notifier
  wake: () => void
}

/** Executions that are over without success, and running them again. */
export class DeadLetters {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Newest first, without those that have been redriven: the new execution
   * stands for them. A page may so be shorter than its limit.
   *
   * @throws E_INVALID_INPUT
   */
  async list(filter: DeadLetterFilter = {}): Promise<ExecutionRecord[]> {
    const { executions } = this.#deps.storage
    const read = { limit: LIMIT, ...readHistoryFilter(filter, ['states']) }
    const dead = await executions.list({ ...read, states: [...DEAD_STATES] })
    const redrives = await Promise.all(dead.map(({ id }) => executions.findByDedupeKey(keyOf(id))))
    return dead.filter((_, index) => redrives[index] === null)
  }

  /**
   * Runs dead letters again, each as a new execution from its first attempt,
   * without checkpoint and with `rerunOf`. One that was redriven and is still
   * open is not doubled. Each is queued with its journal row, and children that
   * were skipped because of it wait for the new one: what is done stays done
   * when a later one fails.
   *
   * @param which an id, or a filter of the letters
   * @throws E_EXECUTION_NOT_FOUND, E_EXECUTION_NOT_DEAD, E_EXECUTION_REDRIVEN, E_INVALID_INPUT
   */
  async redrive(
    which: string | DeadLetterFilter,
    options: RedriveOptions = {}
  ): Promise<Redriven[]> {
    const who = readAuthor('The redrive', options)
    // What is undefined or null by mistake must not mean all letters
    const letters =
      typeof which === 'string' ? [await this.#letter(which)] : await this.list(which ?? null)
    const redriven: Redriven[] = []
    for (const letter of letters) {
      redriven.push(await this.#redrive(letter, who))
    }
    if (redriven.length > 0) {
      this.#deps.wake()
    }
    return redriven
  }

  async #redrive(letter: ExecutionRecord, { by, reason }: Author): Promise<Redriven> {
    const { storage, clock, notifier } = this.#deps
    const execution = await withSkippedChildren(storage, letter, again(letter), copyOf)
    const journal = {
      kind: 'execution.redriven' as const,
      actor: by,
      subject: letter.id,
      before: { state: letter.state },
      after: { execution: execution.id, reason },
    }
    const [{ id, inserted }] = await storage.executions.enqueue({
      now: clock.nowOrNull(),
      executions: [execution],
      journal,
    })
    if (inserted) {
      const waiting = { ...execution, attempt: 0, node: null }
      notifier.emit('execution:queued', executionNotice(waiting, clock.now()))
    }
    return { from: letter.id, id, inserted }
  }

  async #letter(id: string): Promise<ExecutionRecord> {
    const execution = await this.#deps.storage.executions.find(id)
    if (!execution) {
      throw new E_EXECUTION_NOT_FOUND([id])
    }
    if (!isDead(execution)) {
      throw new E_EXECUTION_NOT_DEAD([id, execution.state])
    }
    const redrive = await this.#deps.storage.executions.findByDedupeKey(keyOf(id))
    if (redrive && (isDead(redrive) || redrive.state === 'succeeded')) {
      // What was skipped because of the letter waited for its redrive: it would run twice
      throw new E_EXECUTION_REDRIVEN([id, redrive.id, redrive.state])
    }
    return execution
  }
}

function isDead({ state }: ExecutionRecord): boolean {
  return DEAD_STATES.some((dead) => dead === state)
}

/** Unique while the new one is open; the store finds the newest by it after that. */
function keyOf(id: string): string {
  return `redrive:${id}`
}

function again(letter: ExecutionRecord): NewExecution {
  return { ...copyOf(letter), dedupeKey: keyOf(letter.id) }
}

function copyOf(letter: ExecutionRecord): NewExecution {
  const { id, eventId, handler, queue, payload, meta, subject, priority } = letter
  const { slot, concurrencyKey, timeout, retries } = letter
  return {
    ...{ eventId, handler, queue, payload, meta, subject, priority },
    ...{ slot, concurrencyKey, timeout, retries },
    id: newId(),
    origin: 'rerun',
    slotKey: null,
    rerunOf: id,
    dedupeKey: null,
    availableAt: null,
  }
}
