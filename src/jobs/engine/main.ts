import { E_NO_ENGINE } from '../../errors.ts'
import { Delivery } from './delivery.ts'
import { engineQueues, Lane } from '../lane.ts'
import { HandOver, handOverOf } from './hand_over.ts'
import type { Engine, HandedExecution } from '../../types/engine.ts'
import type { DeclaredLimits } from '../declared_limits.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { JobManagerDeps } from '../job_manager.ts'

type Deps = JobManagerDeps & {
  limits: DeclaredLimits
  dispatcher: Dispatcher
  /** Whose places are taken by what the engine delivers. */
  lane: Lane
}

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

function makeHandOver(deps: Deps, queue: string, engine: Engine | undefined): HandOver {
  if (!engine) {
    throw new E_NO_ENGINE([queue])
  }
  const slots = deps.config.queueSettings[queue].ahead
  const options = { name: handOverOf(queue), slots, queues: [queue] }
  const lane = new Lane(options, { clock: deps.clock, ahead: 0 })
  return new HandOver({ ...deps, queue, engine, lane, seats: lane.seats, places: slots })
}
