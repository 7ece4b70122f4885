import { addSourceWork, type SourceWork } from '../engine/source_handler.ts'
import type { SchedulerPort } from '../ports.ts'
import { HISTORY_HANDLER } from './payload.ts'

/** Adds the history loads of a source. A load has no timeout: each of its days has the flow's. */
export function addLoads(scheduler: SchedulerPort, source: string, loads: SourceWork): void {
  addSourceWork(scheduler, source, { name: HISTORY_HANDLER, timeout: null }, loads)
}
