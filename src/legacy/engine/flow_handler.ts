import { Failed } from '../../jobs/outcome.ts'
import { TAKES_PLACE } from '../../jobs/place.ts'
import type { HandlerContext, HandlerContract, HandlerOptions } from '../../types/handlers.ts'
import type { SchedulerPort } from '../ports.ts'
import type { FlowEngine } from './flow_engine.ts'
import { FLOW_HANDLER, readPayload } from './flow_run.ts'

type Engines = Map<string, Pick<FlowEngine, 'run'>>

/** The engines of each scheduler of this process, by the name of their source. */
const schedulers = new WeakMap<SchedulerPort, Engines>()

/**
 * Adds the engine of a source. The first one registers the handler
 * `legacy.flow`, which all sources share.
 */
export function addEngine(
  scheduler: SchedulerPort,
  source: string,
  engine: Pick<FlowEngine, 'run'>
): void {
  let engines = schedulers.get(scheduler)
  if (!engines) {
    engines = new Map()
    schedulers.set(scheduler, engines)
    scheduler.register(FLOW_HANDLER, handlerOf(engines))
  }
  engines.set(source, engine)
}

function handlerOf(engines: Engines) {
  return class LegacyFlow implements HandlerContract {
    // A run that failed is written back as failed: a further attempt would be another run
    static options: HandlerOptions = { name: FLOW_HANDLER, retry: false }
    // Its beginning and its end are stored together with those of others, outside of the slot
    static readonly [TAKES_PLACE] = true

    async handle(context: HandlerContext) {
      const { source } = readPayload(context.execution)
      const engine = engines.get(source)
      if (!engine) {
        throw new Failed(
          `Legacy source "${source}" is not in config/almanac.ts (legacy.sources) of this node`
        )
      }
      return engine.run(context)
    }
  }
}
