import { E_INVALID_CONFIG } from '../errors.ts'
import type { CoreConfig } from '../types/config.ts'
import { everyPattern } from './every_pattern.ts'

/**
 * Checks lease, renew and poll intervals against each other.
 *
 * @throws E_INVALID_CONFIG naming the one to change
 */
export function checkIntervals(config: CoreConfig, syncInterval: number): void {
  for (const name of ['lease', 'leader'] as const) {
    const { ttl, renew } = config[name]
    // Two renewals may fail before the lease lapses
    refuseWhen(
      renew > ttl / 3,
      `${name}.renew`,
      renew,
      `at most a third of ${name}.ttl (${ttl} ms)`
    )
  }
  const { poll, lease, leader, tickMax, retry } = config
  refuseWhen(poll.min > poll.max, 'poll.min', poll.min, `at most poll.max (${poll.max} ms)`)
  // What a dead node left is taken up within about one more lease
  refuseWhen(poll.max > lease.ttl, 'poll.max', poll.max, `at most lease.ttl (${lease.ttl} ms)`)
  // A leader looks at its events at least once per lease
  refuseWhen(tickMax > leader.ttl, 'tickMax', tickMax, `at most leader.ttl (${leader.ttl} ms)`)
  const [delay, maxDelay] = [Number(retry.delay), Number(retry.maxDelay)]
  refuseWhen(delay > maxDelay, 'retry.delay', delay, `at most retry.maxDelay (${maxDelay} ms)`)

  const { housekeeping, changeCheckInterval } = config
  const chores = {
    'housekeeping.interval': housekeeping.interval,
    syncInterval,
    changeCheckInterval,
  }
  for (const [key, interval] of Object.entries(chores)) {
    const remedy = 'an even part of a minute, an hour or a day, such as 15s, 5m or 1h'
    refuseWhen(everyPattern(interval) === null, key, interval, remedy)
  }
}

function refuseWhen(wrong: boolean, key: string, ms: number, bound: string): void {
  if (wrong) {
    throw new E_INVALID_CONFIG([key, `${ms} ms`, `give ${bound}`])
  }
}
