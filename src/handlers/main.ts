import { lookup } from 'node:dns'
import type { Clock } from '../clock.ts'
import type { Scheduler } from '../scheduler.ts'
import type { SqlSession } from '../storage/sql_session.ts'
import { aceHandler } from './ace/handler.ts'
import { assertRemoved, cleanupHandler } from './cleanup/handler.ts'
import type { CleanupChore } from './cleanup/config.ts'
import { sweep } from './cleanup/sweep.ts'
import type { BuiltInConfig } from './config.ts'
import { httpHandler } from './http/handler.ts'
import {
  ACE_HANDLER,
  CLEANUP_HANDLER,
  HTTP_HANDLER,
  PROCESS_HANDLER,
  SQL_HANDLER,
} from './names.ts'
import { processHandler } from './process/handler.ts'
import { sqlHandler } from './sql/handler.ts'

interface Deps {
  scheduler: Pick<Scheduler, 'register' | 'addChore'>
  config: BuiltInConfig
  clock: Clock
  /** The app's root folder. */
  root: string
  /** The environment of this process. */
  env: Record<string, string | undefined>
  /** The session of a Lucid connection, by name. */
  sessionOf(connection: string): SqlSession
}

/** Registers the built-in handlers that config switches on, and its cleanups as chores. */
export function attachBuiltIn(deps: Deps): void {
  const { scheduler, config, clock, root, env, sessionOf } = deps
  const { ace, process, http, sql, cleanup } = config
  if (ace) {
    const handler = aceHandler({ config: ace, clock, root, env })
    scheduler.register(ACE_HANDLER, handler, ace.options)
  }
  if (process) {
    const handler = processHandler({ config: process, clock, env })
    scheduler.register(PROCESS_HANDLER, handler, process.options)
  }
  if (http) {
    const handler = httpHandler({ config: http, clock, resolve: lookup })
    scheduler.register(HTTP_HANDLER, handler, http.options)
  }
  if (sql) {
    scheduler.register(SQL_HANDLER, sqlHandler({ config: sql, sessionOf }), sql.options)
  }
  if (cleanup) {
    const handler = cleanupHandler({ config: cleanup, clock })
    scheduler.register(CLEANUP_HANDLER, handler, cleanup.options)
  }
  config.chores.forEach((chore) => addChore(chore, deps))
}

function addChore(chore: CleanupChore, { scheduler, clock }: Deps): void {
  scheduler.addChore({
    name: `cleanup of ${chore.folder}`,
    interval: chore.every,
    run: async () => assertRemoved(await sweep(chore, { clock })),
  })
}
