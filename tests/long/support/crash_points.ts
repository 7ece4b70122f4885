import { writeSync } from 'node:fs'
import type { LegacyClient, LegacyDriver } from '../../../src/legacy/tables/client.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import type { SqlSession } from '../../../src/storage/sql_session.ts'
import type { StorageOperation } from '../../../src/testing/chaos_storage.ts'
import type { ArmedPoint, CrashPoint, Report } from './protocol.ts'

/** Tells the parent; it is written when this returns, whatever happens next. */
export function tell(report: Report): void {
  writeSync(1, `${JSON.stringify(report)}\n`)
}

/** Counts how often points are reached, and dies at those that are armed. */
export class CrashPoints {
  readonly #left: Map<CrashPoint, number>

  constructor(armed: ArmedPoint[]) {
    this.#left = new Map(armed.map(({ point, count }) => [point, count]))
  }

  reached(point: CrashPoint): void {
    const left = (this.#left.get(point) ?? Number.POSITIVE_INFINITY) - 1
    this.#left.set(point, left)
    if (left <= 0) {
      tell({ kind: 'crash', point })
      process.kill(process.pid, 'SIGKILL')
    }
  }
}

type Call = (run: () => Promise<unknown>, args: unknown[]) => Promise<unknown>
export type Hooks = Partial<Record<StorageOperation, Call>>

/** A store whose calls go through hooks. */
export function hooked(storage: Storage, hooks: Hooks): Storage {
  const wrap = <Store extends object>(name: string, store: Store): Store =>
    new Proxy(store, {
      get(target, key) {
        const member: unknown = Reflect.get(target, key, target)
        const hook = hooks[`${name}.${String(key)}` as StorageOperation]
        if (typeof member !== 'function') {
          return member
        }
        const run = (args: unknown[]) => member.apply(target, args) as Promise<unknown>
        return (...args: unknown[]) => (hook ? hook(() => run(args), args) : run(args))
      },
    })
  return {
    events: wrap('events', storage.events),
    executions: wrap('executions', storage.executions),
    leases: wrap('leases', storage.leases),
    nodes: wrap('nodes', storage.nodes),
    stats: wrap('stats', storage.stats),
    logs: wrap('logs', storage.logs),
    journal: wrap('journal', storage.journal),
    controls: wrap('controls', storage.controls),
    workflows: wrap('workflows', storage.workflows),
    now: () => storage.now(),
    schemaVersion: () => storage.schemaVersion(),
    watch: async (watcher) => (await storage.watch?.(watcher)) ?? null,
    close: () => storage.close(),
  }
}

/** The points that show in the calls of the store. */
export function storeHooks(crash: CrashPoints): Hooks {
  let fires = 0
  return {
    'events.listDue': async (run) => {
      crash.reached('tick: before it lists')
      const due = await run()
      crash.reached('tick: after it listed')
      return due
    },
    'events.nextDueAt': async (run) => {
      const next = await run()
      // The last call of a tick
      fires = 0
      crash.reached('tick: after it looked ahead')
      return next
    },
    'events.fire': async (run) => {
      crash.reached('tick: before it fires')
      if (fires++ > 0) {
        crash.reached('between two batches of a fire')
      }
      const fired = await run()
      crash.reached('tick: after it fired')
      return fired
    },
    'executions.insertRunning': async (run) => {
      crash.reached('after claim')
      const births = await run()
      crash.reached('after insertRunning')
      return births
    },
    'executions.claim': async (run) => {
      const claimed = (await run()) as unknown[]
      if (claimed.length > 0) {
        crash.reached('after claim from the own queue')
      }
      return claimed
    },
    'executions.settle': async (run) => {
      crash.reached('before our settle')
      return run()
    },
  }
}

/** The points that show in the transactions on the legacy tables. */
export function crashingDriver(driver: LegacyDriver, crash: CrashPoints): LegacyDriver {
  const noted = new WeakMap<LegacyClient, string[]>()
  return {
    async transaction(client, work) {
      const statements: string[] = []
      const answer = await driver.transaction(client, (trx) => {
        noteStatements(trx, statements)
        noted.set(trx, statements)
        return work(trx)
      })
      committed(statements, crash)
      return answer
    },
    async statement(client, sql, bindings) {
      const answer = await driver.statement(client, sql, bindings)
      committed([sql], crash)
      return answer
    },
    sessionOf: (client) =>
      crashingSession(driver.sessionOf(client), crash, noted.get(client) ?? []),
    poolOf: (client) => driver.poolOf(client),
  }
}

function committed(statements: string[], crash: CrashPoints): void {
  if (statements.some((sql) => /insert into .?DWPRCLOG/i.test(sql))) {
    crash.reached('after IP')
  }
  if (statements.some((sql) => /update .?DWPRCLOG/i.test(sql))) {
    crash.reached('after the legacy commit')
  }
}

function noteStatements(trx: LegacyClient, statements: string[]): void {
  const { knexClient } = trx as unknown as { knexClient: NodeJS.EventEmitter }
  knexClient.on('query', ({ sql }: { sql: string }) => statements.push(sql))
}

function crashingSession(
  session: SqlSession,
  crash: CrashPoints,
  statements: string[]
): SqlSession {
  return {
    dialect: session.dialect,
    async query(sql, bindings, options) {
      statements.push(sql)
      const result = await session.query(sql, bindings, options)
      if (/^insert into LEDGER/i.test(sql)) {
        crash.reached('inside an atomic flow')
      }
      return result
    },
    transaction: (work) => session.transaction(work),
    readOnly: (work, options) => session.readOnly(work, options),
    cancel: () => session.cancel(),
    now: () => session.now(),
  }
}
