import type { ManualTrigger } from '../types/triggers.ts'
import type { TriggerKindDefinition } from './kind.ts'

/** It never has a slot: an event of it stays active, and is run by hand or after others. */
export const manual: TriggerKindDefinition<ManualTrigger> = {
  fields: {},
  read: () => ({ next: () => null }),
  describe: () => 'by hand, or after other events',
}
