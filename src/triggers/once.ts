import type { OnceTrigger } from '../types/triggers.ts'
import { asIso } from './kind.ts'
import type { TriggerKindDefinition } from './kind.ts'

export const once: TriggerKindDefinition<OnceTrigger> = {
  fields: { at: asIso },

  read(reader) {
    reader.required('at', 'give the instant of the one run')
    const at = reader.instant('at')
    return at === null ? null : { next: (after) => (at > after ? at : null), single: at }
  },

  describe: ({ at }) => `once at ${String(at)}`,
}
