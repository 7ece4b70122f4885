import { isOfNode } from '../rules/claim_plan.ts'
import { E_CLIENT_MISMATCH } from '../../errors.ts'
import type { ExecutionRecord, ExecutionState } from '../../types/executions.ts'
import type {
  BackfillResult,
  BirthResult,
  EnqueueResult,
  ExecutionFilter,
  ExecutionStore,
  ExpiredLease,
  NextAvailable,
  SettleResult,
  SlotRow,
} from '../contract.ts'
import { claimPatch, newExecution } from '../rules/new_records.ts'
import { isExpired } from '../rules/settlement.ts'
import { owned, renew, requestCancel, rescueExpired, settle, takeOver } from './attempts.ts'
import { backfill } from './backfill.ts'
import { claimable, spendRates } from './claim.ts'
import { insertOrSettle } from './duplicates.ts'
import { listSlots } from './missed_rows.ts'
import { endExpired, mayBeBorn, nextAvailableAt } from './waiting.ts'
import { prune } from './prune.ts'
import { checkStorable } from './event_rows.ts'
import { insertChildren } from './workflow_births.ts'
import { compare, copy, jsonCopy, storable, type MemoryTables } from './tables.ts'

type Params<K extends keyof ExecutionStore> = Parameters<ExecutionStore[K]>[0]

const DEFAULT_PAGE = 100

export class MemoryExecutionStore implements ExecutionStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async enqueue({ now, executions, client, journal }: Params<'enqueue'>): Promise<EnqueueResult[]> {
    if (client !== undefined && client !== null) {
      throw new E_CLIENT_MISMATCH(['of a database', 'memory'])
    }
    const at = this.#tables.now(now)
    checkStorable(executions)
    const rows = executions.map((execution) => storable(newExecution(execution, at)))
    const results = rows.map((row, index) =>
      insertOrSettle(this.#tables, row, executions[index].onDuplicate ?? 'skip', at)
    )
    const born = new Set(results.filter(({ inserted }) => inserted).map(({ id }) => id))
    insertChildren(this.#tables, executions, born, at)
    if (born.size > 0) {
      this.#tables.addJournal(journal ? [journal] : [], at)
    }
    return results
  }

  async claim(params: Params<'claim'>): Promise<ExecutionRecord[]> {
    const now = this.#tables.now(params.now)
    const taken = claimable(this.#tables, params, now)
    spendRates(
      this.#tables,
      taken.map(({ execution }) => execution),
      now
    )
    return taken.map(({ execution, place }) =>
      copy(this.#tables.change(execution, claimPatch(execution, params, now), place))
    )
  }

  async insertRunning(params: Params<'insertRunning'>): Promise<BirthResult[]> {
    const now = this.#tables.now(params.now)
    const rows = params.executions.map((input) => {
      const queued = newExecution(input, now)
      return storable({ ...queued, ...claimPatch(queued, params, now) })
    })
    return rows.map((row): BirthResult => {
      if (!mayBeBorn(this.#tables, row, now)) {
        return { inserted: false, id: null, conflict: 'stopped' }
      }
      const holder = this.#tables.conflict(row)
      if (holder !== undefined) {
        return { inserted: false, id: holder, conflict: 'dedupe' }
      }
      const { concurrencyKey } = row
      const running = concurrencyKey === null ? undefined : this.#tables.running.get(concurrencyKey)
      if (running !== undefined) {
        return { inserted: false, id: running, conflict: 'concurrency' }
      }
      spendRates(this.#tables, [row], now)
      return { inserted: true, execution: copy(this.#tables.insert(row)) }
    })
  }

  async takeOver(params: Params<'takeOver'>): Promise<ExecutionRecord | null> {
    return copy(takeOver(this.#tables, params))
  }

  async renew(params: Params<'renew'>): ReturnType<ExecutionStore['renew']> {
    return renew(this.#tables, params)
  }

  async settle(params: Params<'settle'>): Promise<SettleResult[]> {
    return settle(this.#tables, params)
  }

  async saveCheckpoint({ fence, checkpoint }: Params<'saveCheckpoint'>): Promise<boolean> {
    const value = jsonCopy(checkpoint, 'checkpoint')
    const execution = owned(this.#tables, fence)
    if (execution) {
      this.#tables.change(execution, { checkpoint: value })
    }
    return execution !== undefined
  }

  async requestCancel(
    params: Params<'requestCancel'>
  ): ReturnType<ExecutionStore['requestCancel']> {
    return requestCancel(this.#tables, params)
  }

  async cancelRequests(ids: string[]): Promise<Map<string, string>> {
    const asked = new Map<string, string>()
    for (const id of ids) {
      const execution = this.#tables.executions.get(id)
      if (execution?.state === 'running' && execution.cancelRequestedAt !== null) {
        asked.set(id, execution.reason ?? '')
      }
    }
    return asked
  }

  async find(id: string): Promise<ExecutionRecord | null> {
    return copy(this.#tables.executions.get(id) ?? null)
  }

  async findByDedupeKey(key: string): Promise<ExecutionRecord | null> {
    const open = this.#tables.dedupe.get(key)
    if (open !== undefined) {
      return this.find(open)
    }
    const [newest] = await this.list({ dedupeKey: key, limit: 1 })
    return newest ?? null
  }

  async list(filter: ExecutionFilter): Promise<ExecutionRecord[]> {
    const rows = [...this.#tables.executions.values()]
      .filter((execution) => matches(execution, filter))
      .sort((a, b) => compare(b.id, a.id))
    return copy(rows.slice(0, filter.limit ?? DEFAULT_PAGE))
  }

  async countByState(): Promise<Partial<Record<ExecutionState, number>>> {
    const counts: Partial<Record<ExecutionState, number>> = {}
    for (const { state } of this.#tables.executions.values()) {
      counts[state] = (counts[state] ?? 0) + 1
    }
    return counts
  }

  async countQueuedByHandler(): Promise<{ handler: string; count: number }[]> {
    const counts = new Map<string, number>()
    for (const { handler } of this.#queued()) {
      counts.set(handler, (counts.get(handler) ?? 0) + 1)
    }
    return [...counts]
      .map(([handler, count]) => ({ handler, count }))
      .sort((a, b) => compare(a.handler, b.handler))
  }

  async nextAvailableAt(params: Params<'nextAvailableAt'>): Promise<NextAvailable | null> {
    return nextAvailableAt(this.#tables, this.#queued(), params)
  }

  async expire({ now: given, limit }: Params<'expire'>): Promise<ExecutionRecord[]> {
    const now = this.#tables.now(given)
    const overdue = this.#queued()
      .filter((execution) => isExpired(execution, now))
      .sort((a, b) => a.expiresAt! - b.expiresAt! || compare(a.id, b.id))
      .slice(0, limit)
    return copy(overdue.flatMap((execution) => endExpired(this.#tables, execution, now)))
  }

  async listExpired(params: Params<'listExpired'>): Promise<ExpiredLease[]> {
    const now = this.#tables.now(params.now)
    return [...this.#tables.open]
      .map((id) => this.#tables.executions.get(id)!)
      .filter(({ leaseExpiresAt }) => leaseExpiresAt !== null && leaseExpiresAt <= now)
      .sort((a, b) => a.leaseExpiresAt! - b.leaseExpiresAt! || compare(a.id, b.id))
      .slice(0, params.limit)
      .map(({ id, node, attempt, renewals, leaseExpiresAt, rescues, handler }) => ({
        id,
        node: node!,
        attempt,
        renewals,
        leaseExpiresAt: leaseExpiresAt!,
        rescues,
        handler,
      }))
  }

  async rescueExpired(
    params: Params<'rescueExpired'>
  ): ReturnType<ExecutionStore['rescueExpired']> {
    return rescueExpired(this.#tables, params)
  }

  async listSlots(params: Params<'listSlots'>): Promise<SlotRow[]> {
    return copy(listSlots(this.#tables, params))
  }

  async backfill(params: Params<'backfill'>): Promise<BackfillResult | null> {
    return backfill(this.#tables, params)
  }

  async prune(params: Params<'prune'>): Promise<number> {
    return prune(this.#tables, params.rule, params.limit, this.#tables.now(params.now))
  }

  #queued(): ExecutionRecord[] {
    return [...this.#tables.open]
      .map((id) => this.#tables.executions.get(id)!)
      .filter(({ state }) => state === 'queued')
  }
}

function matches(execution: ExecutionRecord, filter: ExecutionFilter): boolean {
  return (
    same(filter.eventId, execution.eventId) &&
    same(filter.handler, execution.handler) &&
    same(filter.queue, execution.queue) &&
    same(filter.subject, execution.subject) &&
    same(filter.concurrencyKey, execution.concurrencyKey) &&
    same(filter.dedupeKey, execution.dedupeKey) &&
    (filter.node === undefined || isOfNode(execution.node, filter.node)) &&
    (filter.exceptOrigin === undefined || execution.origin !== filter.exceptOrigin) &&
    (filter.states === undefined || filter.states.includes(execution.state)) &&
    (filter.from === undefined || execution.createdAt >= filter.from) &&
    (filter.to === undefined || execution.createdAt < filter.to) &&
    (filter.before === undefined || execution.id < filter.before)
  )
}

function same(wanted: string | undefined, found: string | null): boolean {
  return wanted === undefined || wanted === found
}
