import type { SchedulerPort } from '../ports.ts'
import { FLOW_HANDLER, readPayload } from './flow_run.ts'
import { addSourceWork, type SourceWork } from './source_handler.ts'

/** Adds the engine of a source to the handler `legacy.flow`, which all sources share. */
export function addEngine(scheduler: SchedulerPort, source: string, engine: SourceWork): void {
  const sourceOf = ({ execution }: Parameters<SourceWork['run']>[0]) =>
    readPayload(execution).source
  // Its beginning and its end are stored together with those of others, outside of the slot
  const options = { name: FLOW_HANDLER, takesPlace: true }
  addSourceWork(scheduler, source, options, engine, sourceOf)
}
