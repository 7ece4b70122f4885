import { E_NO_ENGINE } from '../../errors.ts'
import { Prefetch } from '../prefetch.ts'
import { SeatPool } from '../seat_pool.ts'
import { Delivery } from './delivery.ts'
import { HandOver } from './hand_over.ts'
import type { CoreConfig } from '../../types/config.ts'
import type { Engine, HandedExecution } from '../../types/engine.ts'
import type { DeclaredLimits } from '../declared_limits.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { JobManagerDeps } from '../job_manager.ts'

type Deps = JobManagerDeps & { limits: DeclaredLimits; dispatcher: Dispatcher }

/** What this process has to do with another engine: it hands over to it, and runs what it delivers. */
export class EngineSide {
  /** One for each queue that this process works on and the engine runs. */
  readonly handOvers: HandOver[]
  readonly #delivery: Delivery

  /** @throws E_NO_ENGINE when a queue is to be run by one, and there is none */
  constructor(deps: Deps) {
    const { config, engine } = deps
    this.handOvers = engineQueues(config)
      .filter((queue) => config.queues?.includes(queue) ?? true)
      .map((queue) => makeHandOver(deps, queue, engine))
    this.#delivery = new Delivery({
      ...deps,
      onTaken: (id) => this.handOvers.forEach(({ waiting }) => waiting.taken(id)),
    })
  }

  /** @throws E_NOT_DELIVERED, or what the store throws */
  deliver(handed: HandedExecution): Promise<boolean> {
    return this.#delivery.deliver(handed)
  }

  /** Somebody asked to stop an execution: where it waits here for a worker, it ends at once. */
  async cancel(id: string, reason: string): Promise<void> {
    for (const { waiting } of this.handOvers) {
      const hold = waiting.find(id)
      if (hold) {
        await waiting.cancel(hold, reason)
      }
    }
  }
}

/** The queues that another engine runs. */
export function engineQueues({ queueSettings }: Pick<CoreConfig, 'queueSettings'>): string[] {
  return Object.keys(queueSettings).filter((name) => queueSettings[name].executor === 'queue')
}

function makeHandOver(deps: Deps, queue: string, engine: Engine | undefined): HandOver {
  if (!engine) {
    throw new E_NO_ENGINE([queue])
  }
  const places = deps.config.queueSettings[queue].ahead
  const prefetch = new Prefetch({ slots: places, max: 0 })
  const seats = new SeatPool({ slots: places, prefetch, clock: deps.clock })
  return new HandOver({ ...deps, queue, engine, seats, places })
}
