import type { Counters } from './counters.ts'
import type { Logger } from './types/logger.ts'
import type { AlmanacEvents, Notifier } from './types/notifications.ts'

/** The part of the host's emitter that is used. What it returns may be a promise. */
export interface EmitterLike {
  emit<K extends keyof AlmanacEvents>(name: K, data: AlmanacEvents[K]): unknown
}

/**
 * Wraps an emitter so that a listener that throws or rejects harms nothing:
 * the failure is logged and counted as `listeners.failed`.
 */
export function safeNotifier(
  emitter: EmitterLike,
  deps: { logger: Logger; counters: Counters }
): Notifier {
  const report = (name: string, error: unknown) => {
    deps.counters.increment('listeners.failed')
    deps.logger.error({ err: error, event: name }, `A listener of "${name}" failed`)
  }
  return {
    emit(name, data) {
      try {
        const emitted = emitter.emit(name, data)
        if (emitted instanceof Promise) {
          emitted.catch((error: unknown) => report(name, error))
        }
      } catch (error) {
        report(name, error)
      }
    },
  }
}
