import { setTimeout } from 'node:timers/promises'
import { once } from 'node:events'
import type {
  HandlerContext,
  HandlerFunction,
  HandlerOptions,
} from '../../../src/types/handlers.ts'
import { work } from './isolated_work.ts'
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
  return {
    work: {
      run: work,
      options: isolated
        ? { isolate: 'process', module: new URL('isolated_work.ts', import.meta.url) }
        : {},
    },
    /** Tells when it began, and how long after its slot. */
    punctual: {
      run: ({ execution, attempt, slot }: HandlerContext) => {
        const waited = (execution.startedAt ?? 0) - (slot ?? execution.createdAt)
        tell({ kind: 'begun', id: execution.id, attempt, waited })
      },
    },
    ...Object.fromEntries(
      MEASURED.map((name) => [
        name,
        { run: (context: HandlerContext<MeasuredPayload>) => measured(context, tell) },
      ])
    ),
    /** Ends when it is told to. */
    wait: {
      run: async ({ signal }: HandlerContext) => {
        if (!signal.aborted) {
          await once(signal, 'abort')
        }
        signal.throwIfAborted()
      },
    },
  }
}
