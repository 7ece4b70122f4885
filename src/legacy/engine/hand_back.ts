import { nextDelay } from '../../jobs/retry_policy.ts'
import { ReleaseSignal } from '../../jobs/outcome.ts'
import type { ResolvedRetryPolicy } from '../../types/handlers.ts'
import { isTransient } from '../connection.ts'
import { databaseText, failure } from './failure.ts'
import type { LogicEnd } from './flow_run.ts'
import type { LogicRun } from './logic_run.ts'
import { HANDED_BACK } from './rescue.ts'

/** Times that a run cut off by a lost database begins again before it fails. */
const MOST_RESTARTS = 20
const RESTART_DELAY = { first: 250, doublings: 6 }

/** A run that was cut off and begins again, with a row of its own for each time. */
export interface HandBack {
  release: ReleaseSignal
  /** How the row of this time is closed. */
  end: LogicEnd
  /** Tries that the policy has allowed, this one included. */
  retries: number
}

/**
 * Whether a run that was cut off goes on later; null when this is its end.
 *
 * @param retry of transient errors; null: such a run fails
 */
export function handsBack(
  logic: LogicRun,
  error: unknown,
  retry: ResolvedRetryPolicy | null
): HandBack | null {
  const { run, ready, aborted } = logic
  const { runner, idempotent } = ready.resolved
  const { restarts, retries } = run.checkpoint
  const again = (release: ReleaseSignal) => ({
    release,
    end: endOf(release),
    retries: retries ?? 0,
  })
  if (error instanceof ReleaseSignal) {
    return again(error)
  }
  if (aborted === 'shutdown' && (runner.atomic || idempotent)) {
    return again(new ReleaseSignal(0, 'shutdown'))
  }
  if (aborted !== null || !isTransient(error)) {
    return null
  }
  if (runner.atomic && restarts < MOST_RESTARTS) {
    const { first, doublings } = RESTART_DELAY
    const reason = `the legacy database was lost: ${(error as Error).message}`
    return again(new ReleaseSignal(first * 2 ** Math.min(restarts, doublings), reason))
  }
  return retry && triedAgain(error as Error, retry, (retries ?? 0) + 1)
}

/** A flow that is not atomic: only where config says so. */
function triedAgain(error: Error, retry: ResolvedRetryPolicy, tries: number): HandBack | null {
  const delay = nextDelay(retry, tries, Math.random)
  if (delay === null) {
    return null
  }
  const reason = `try ${tries} of ${retry.retries} follows in ${delay} ms: ${error.message}`
  const release = new ReleaseSignal(delay, reason)
  return { release, end: endOf(release, 'RETRY', databaseText(error)), retries: tries }
}

function endOf({ reason }: ReleaseSignal, type = 'RELEASED', said: string | null = null): LogicEnd {
  return failure(type, `${HANDED_BACK}: ${reason}`, said)
}
