import { duration, object, refuseOthers, text, type Report } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import type { LockWait } from '../types/handlers.ts'

/** How long a lock lasts that nobody renews, ms. */
const TTL = 30_000
/** Shorter ones could not be renewed in time, ms. */
const MIN_TTL = 100
const MAX_NAME = 200

/** What `context.lock()` is given. @returns its ttl in ms. @throws E_INVALID_INPUT with every problem at once */
export function readLock(name: unknown, ttl: unknown = TTL): number {
  const problems = new Problems()
  text('name', name, MAX_NAME, problems.report)
  const ms = duration('ttl', ttl, MIN_TTL, problems.report)
  problems.throwAny('The lock')
  return ms!
}

/** How long to wait for a lock. @returns ms; null until the execution is aborted. @throws E_INVALID_INPUT */
export function readWait(name: string, options: LockWait | undefined): number | null {
  const problems = new Problems()
  const limit = waitOf(options, problems.report)
  problems.throwAny(`The lock "${name}"`)
  return limit
}

/** What is to be done under a lock, and how long to wait for it. @throws E_INVALID_INPUT with every problem at once */
export function checkRun(name: string, work: unknown, options: LockWait | undefined): void {
  const problems = new Problems()
  if (typeof work !== 'function') {
    problems.report('work', work, 'give a function that does the work while the lock is held')
  }
  waitOf(options, problems.report)
  problems.throwAny(`The lock "${name}"`)
}

/** How long a lock is to last from now. @returns ms. @throws E_INVALID_INPUT */
export function readTtl(name: string, ttl: unknown): number {
  const problems = new Problems()
  const ms = duration('ttl', ttl, MIN_TTL, problems.report)
  problems.throwAny(`The lock "${name}"`)
  return ms!
}

function waitOf(options: LockWait | undefined, report: Report): number | null {
  const given = object('options', options ?? {}, 'give an object such as { wait: "30s" }', report)
  refuseOthers('', given, ['wait'], report)
  const { wait = null } = given
  return wait === null ? null : (duration('wait', wait, 0, report) ?? null)
}
