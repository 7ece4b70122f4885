import { once } from 'node:events'
import type {
  HandlerContext,
  HandlerFunction,
  HandlerOptions,
} from '../../../src/types/handlers.ts'
import { work } from './isolated_work.ts'
import type { Report } from './protocol.ts'

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
