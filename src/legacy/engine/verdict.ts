import {
  Cancelled,
  Failed,
  Succeeded,
  type Missed,
  type ReleaseSignal,
} from '../../jobs/outcome.ts'
import type { JsonObject } from '../../types/json.ts'
import type { LogicEnd } from './flow_run.ts'

/** How the handler tells the executor what became of the run, whatever its signal says. */
export type FlowVerdict = Succeeded | Failed | Cancelled | Missed | ReleaseSignal

/** Our own outcome for what the legacy tables say. */
export function verdictOf(end: LogicEnd, result: JsonObject): FlowVerdict {
  switch (end.status) {
    case 'PC':
      return Succeeded.returned(result)
    case 'ST':
      return new Cancelled(end.error?.message ?? 'stopped', { result })
    case 'FL':
      return new Failed(end.error?.message ?? 'failed', { result })
  }
}
