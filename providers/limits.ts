import { withQueueFlags, type QueueFlags } from '../src/config/queues.ts'

/** What a command sets for its own process, over config/almanac.ts. */
export interface AlmanacLimits extends QueueFlags {
  concurrency?: number
}

/**
 * The config with what a command has set over it; what is no config is left
 * to whoever reads it.
 *
 * @throws E_INVALID_FLAG
 */
export function withLimits(config: unknown, limits: AlmanacLimits): unknown {
  if (!config || typeof config !== 'object') {
    return config
  }
  const { concurrency, ...flags } = limits
  const queues = withQueueFlags('queues' in config ? config.queues : undefined, flags)
  return { ...config, ...(concurrency && { concurrency }), ...(queues !== undefined && { queues }) }
}
