import { setTimeout } from 'node:timers/promises'
import type {
  HandlerContext,
  HandlerFunction,
  HandlerOptions,
} from '../../../src/types/handlers.ts'
import { punctual, wait, work } from './node_handlers.ts'
import type { Report } from './protocol.ts'

interface MeasuredPayload {
  /** ms that the work takes. */
  duration?: number
}

/** Handlers that tell from when to when they ran; each may be limited for itself. */
export const MEASURED = ['by cluster', 'by node', 'by key', 'by rate'] as const

async function measured(
  { execution, payload }: HandlerContext<MeasuredPayload>,
  tell: (report: Report) => void
): Promise<void> {
  const clock = () => performance.timeOrigin + performance.now()
  const from = clock()
  await setTimeout(payload?.duration ?? 0)
  const { id, handler, concurrencyKey: key } = execution
  tell({ kind: 'ran', id, handler, key, from, to: clock() })
}

/** The handlers that every node of the long tests has. */
export function clusterHandlers(
  tell: (report: Report) => void,
  { isolated = false }: { isolated?: boolean } = {}
): Record<string, { run: HandlerFunction; options?: HandlerOptions }> {
  const module = new URL('node_handlers.ts', import.meta.url)
  const options: HandlerOptions = isolated ? { isolate: 'process', module } : {}
  return {
    work: { run: work, options },
    punctual: { run: punctual, options },
    wait: { run: wait, options },
    ...Object.fromEntries(
      MEASURED.map((name) => [
        name,
        { run: (context: HandlerContext<MeasuredPayload>) => measured(context, tell) },
      ])
    ),
  }
}
