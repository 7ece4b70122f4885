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
import { toJson } from '../../json.ts'
import { backfill } from './backfill.ts'
import { enqueue, insertRunning } from './birth.ts'
import { cancelRequests, requestCancel } from './cancel.ts'
import { listSlots } from './missed_rows.ts'
import { controlledClaim } from './controlled_claim.ts'
import { expire } from './expire.ts'
import { nextAvailableAt } from './next_available.ts'
import type { KnownControls } from './known_controls.ts'
import { addNode, Conditions } from './conditions.ts'
import type { StoreConnection } from './connection.ts'
import { FENCE, findExecution, hashOrNull, toExecution } from './execution_rows.ts'
import { prune } from './prune.ts'
import { renew } from './renew.ts'
import { rescueExpired, settle } from './settle.ts'
import { plainSuccesses, settleSuccesses } from './settle_successes.ts'
import { insertSole, soleBirth } from './sole_birth.ts'
import { takeOver } from './take_over.ts'
import { first, instant, type Row } from './work.ts'

type Params<K extends keyof ExecutionStore> = Parameters<ExecutionStore[K]>[0]

const DEFAULT_PAGE = 100

export class DatabaseExecutionStore implements ExecutionStore {
  readonly #connection: StoreConnection
  readonly #controls: KnownControls
  #turn: Promise<unknown> = Promise.resolve()

  constructor(connection: StoreConnection, controls: KnownControls) {
    this.#connection = connection
    this.#controls = controls
  }

  async enqueue(params: Params<'enqueue'>): Promise<EnqueueResult[]> {
    const sole = soleBirth(this.#connection.dialect, params)
    if (sole !== null && (await insertSole(this.#connection, params.now, sole))) {
      return [{ id: sole.id, inserted: true }]
    }
    return this.#connection.writeWith('executions.enqueue', params.client, (work) =>
      enqueue(work, params)
    )
  }

  async claim(params: Params<'claim'>): Promise<ExecutionRecord[]> {
    return params.limit > 0 && params.handlers.length > 0
      ? controlledClaim(this.#connection, this.#controls, params)
      : []
  }

  async insertRunning(params: Params<'insertRunning'>): Promise<BirthResult[]> {
    return this.#connection.write('executions.insertRunning', (work) =>
      insertRunning(work, params, this.#controls)
    )
  }

  async takeOver(params: Params<'takeOver'>): Promise<ExecutionRecord | null> {
    return this.#connection.write('executions.takeOver', (work) => takeOver(work, params))
  }

  async renew(params: Params<'renew'>): ReturnType<ExecutionStore['renew']> {
    return this.#connection.write('executions.renew', (work) => renew(work, params))
  }

  async settle(params: Params<'settle'>): Promise<SettleResult[]> {
    if (params.settlements.length === 0) {
      return []
    }
    const successes = plainSuccesses(this.#connection.dialect, params.settlements)
    if (successes !== null) {
      const results = await this.#connection.read('executions.settle', (work) =>
        settleSuccesses(work, params.now, successes)
      )
      return this.#settleLeft(params, results)
    }
    const write = () => this.#connection.write('executions.settle', (work) => settle(work, params))
    return this.#connection.dialect.claim === 'one writer' ? this.#inTurn(write) : write()
  }

  /** What the one statement did not take: mostly nothing, else what others wait for, or what is not owned. */
  async #settleLeft(params: Params<'settle'>, results: SettleResult[]): Promise<SettleResult[]> {
    const settlements = params.settlements.filter((_, index) => !results[index].applied)
    if (settlements.length === 0) {
      return results
    }
    const left = await this.#connection.write('executions.settle', (work) =>
      settle(work, { ...params, settlements })
    )
    return results.map((result) => (result.applied ? result : left.shift()!))
  }

  /** Two units of one process that want the only lock would block the process, holder and all. */
  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(write)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async saveCheckpoint({ fence, checkpoint }: Params<'saveCheckpoint'>): Promise<boolean> {
    const value = toJson(checkpoint, { field: 'checkpoint' })
    return this.#connection.write('executions.saveCheckpoint', async (work) => {
      const sql = `update almanac_executions set checkpoint = ? where ${FENCE}`
      return (await work.run(sql, [value, fence.id, fence.node, fence.attempt])) > 0
    })
  }

  requestCancel(params: Params<'requestCancel'>): ReturnType<ExecutionStore['requestCancel']> {
    return this.#connection.write('executions.requestCancel', (work) => requestCancel(work, params))
  }

  cancelRequests(ids: string[]): Promise<Map<string, string>> {
    return this.#connection.read('executions.cancelRequests', (work) => cancelRequests(work, ids))
  }

  find(id: string): Promise<ExecutionRecord | null> {
    return this.#connection.read('executions.find', (work) => findExecution(work, id))
  }

  async findByDedupeKey(key: string): Promise<ExecutionRecord | null> {
    const hash = hashOrNull(key, 'dedupeKey')
    return this.#connection.read('executions.findByDedupeKey', async (work) => {
      const row =
        (await first(work, 'select * from almanac_executions where dedupe_key = ?', [hash])) ??
        (await first(
          work,
          'select * from almanac_executions where dedupe_hash = ? order by id desc limit 1',
          [hash]
        ))
      return row && toExecution(row)
    })
  }

  async list(filter: ExecutionFilter): Promise<ExecutionRecord[]> {
    const conditions = new Conditions()
      .add('event_id = ?', filter.eventId)
      .add('handler = ?', filter.handler)
      .addList('state', filter.states)
      .add('queue = ?', filter.queue)
      .add('subject = ?', filter.subject)
      .add('created_at >= ?', filter.from)
      .add('created_at < ?', filter.to)
      .add('concurrency_hash = ?', hashOrUndefined(filter.concurrencyKey, 'concurrencyKey'))
      .add('dedupe_hash = ?', hashOrUndefined(filter.dedupeKey, 'dedupeKey'))
      .add('origin <> ?', filter.exceptOrigin)
      .add('id < ?', filter.before)
    addNode(conditions, filter.node)
    return this.#connection.read('executions.list', async (work) => {
      const rows = await work.all(
        `select * from almanac_executions ${conditions.sql} order by id desc limit ?`,
        [...conditions.bindings, filter.limit ?? DEFAULT_PAGE]
      )
      return rows.map(toExecution)
    })
  }

  countByState(): Promise<Partial<Record<ExecutionState, number>>> {
    return this.#connection.read('executions.countByState', async (work) => {
      // Each part along an index of its own: the table may hold millions of ended rows
      const rows = await work.all(
        `select 'queued' as state, count(*) as total from almanac_executions where state = 'queued'
          union all select 'running', count(*) from almanac_executions where state = 'running'
          union all select state, count(*) from almanac_executions
            where finished_at is not null group by state`
      )
      const counted = rows.filter(({ total }) => Number(total) > 0)
      return Object.fromEntries(counted.map(({ state, total }) => [state, Number(total)]))
    })
  }

  countQueuedByHandler(): Promise<{ handler: string; count: number }[]> {
    return this.#connection.read('executions.countQueuedByHandler', async (work) => {
      const rows = await work.all(
        `select handler, count(*) as total from almanac_executions
          where state = 'queued' group by handler order by handler`
      )
      return rows.map(({ handler, total }) => ({
        handler: handler as string,
        count: Number(total),
      }))
    })
  }

  nextAvailableAt(params: Params<'nextAvailableAt'>): Promise<NextAvailable | null> {
    return this.#connection.read('executions.nextAvailableAt', (work) =>
      nextAvailableAt(work, this.#controls, params)
    )
  }

  expire(params: Params<'expire'>): Promise<ExecutionRecord[]> {
    return this.#connection.write('executions.expire', (work) => expire(work, params))
  }

  listExpired({ now, limit }: Params<'listExpired'>): Promise<ExpiredLease[]> {
    return this.#connection.read('executions.listExpired', async (work) => {
      const rows = await work.all(
        `select id, node, attempt, renewals, lease_expires_at, rescues, handler
          from almanac_executions where state = 'running' and lease_expires_at <= ?
          order by lease_expires_at, id limit ?`,
        [await instant(work, now), limit]
      )
      return rows.map(toExpired)
    })
  }

  async rescueExpired(
    params: Params<'rescueExpired'>
  ): ReturnType<ExecutionStore['rescueExpired']> {
    return this.#connection.write('executions.rescueExpired', (work) => rescueExpired(work, params))
  }

  listSlots(params: Params<'listSlots'>): Promise<SlotRow[]> {
    return this.#connection.read('executions.listSlots', (work) => listSlots(work, params))
  }

  backfill(params: Params<'backfill'>): Promise<BackfillResult | null> {
    return this.#connection.write('executions.backfill', (work) => backfill(work, params))
  }

  prune({ now, rule, limit }: Params<'prune'>): Promise<number> {
    return this.#connection.write('executions.prune', async (work) =>
      prune(work, rule, limit, await instant(work, now))
    )
  }
}

function hashOrUndefined(key: string | undefined, field: string): string | undefined {
  return key === undefined ? undefined : hashOrNull(key, field)!
}

function toExpired(row: Row): ExpiredLease {
  return {
    id: row.id as string,
    node: row.node as string,
    attempt: Number(row.attempt),
    renewals: Number(row.renewals),
    leaseExpiresAt: Number(row.lease_expires_at),
    rescues: Number(row.rescues),
    handler: row.handler as string,
  }
}
