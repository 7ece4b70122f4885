import { Failed } from '../../jobs/outcome.ts'
import { TAKES_PLACE } from '../../jobs/place.ts'
import type { HandlerContext, HandlerContract, HandlerOptions } from '../../types/handlers.ts'
import type { SchedulerPort } from '../ports.ts'
import type { FlowVerdict } from './verdict.ts'

/** What one source does with the executions of a handler that all sources share. */
export interface SourceWork {
  run(context: HandlerContext): Promise<FlowVerdict>
}

interface Options extends HandlerOptions {
  name: string
  /** Its runs take their slot by themselves. */
  takesPlace?: boolean
}

type Works = Map<string, SourceWork>

/** By handler, the work of each source of each scheduler of this process. */
const schedulers = new WeakMap<SchedulerPort, Map<string, Works>>()

/** Adds the work of a source. The first one registers the handler. */
export function addSourceWork(
  scheduler: SchedulerPort,
  source: string,
  options: Options,
  work: SourceWork,
  sourceOf: (context: HandlerContext) => string = sourceIn
): void {
  const handlers = schedulers.get(scheduler) ?? new Map<string, Works>()
  schedulers.set(scheduler, handlers)
  let works = handlers.get(options.name)
  if (!works) {
    works = new Map()
    handlers.set(options.name, works)
    scheduler.register(options.name, handlerOf(options, works, sourceOf))
  }
  works.set(source, work)
}

function handlerOf(
  { takesPlace = false, ...options }: Options,
  works: Works,
  sourceOf: (context: HandlerContext) => string
) {
  return class SourceHandler implements HandlerContract {
    // What failed is written back as failed: a further attempt would be another run
    static options: HandlerOptions = { ...options, retry: false }
    static readonly [TAKES_PLACE] = takesPlace

    async handle(context: HandlerContext) {
      const source = sourceOf(context)
      const work = works.get(source)
      if (!work) {
        throw new Failed(
          `Legacy source "${source}" is not in config/almanac.ts (legacy.sources) of this node`
        )
      }
      return work.run(context)
    }
  }
}

function sourceIn({ payload }: HandlerContext): string {
  return String((payload as { source?: unknown } | null)?.source)
}
