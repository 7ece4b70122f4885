import type { Scheduler } from '../src/scheduler.ts'
import type { EventRecord } from '../src/types/events.ts'
import { EventChangeCommand } from './_event_change.ts'

export default class AlmanacSkip extends EventChangeCommand {
  static override commandName = 'almanac:skip'
  static override description = 'Skip the next slot of an event'
  static override help = [
    'The slot becomes a missed one that names who skipped it. Said again it skips one more.',
    '',
    'Exit codes:',
    '  0  done',
    '  1  could not be done (no such event, its state, no slot left, config, schema, database)',
  ]

  protected readonly done = 'Skipped the next slot of'

  protected change(almanac: Scheduler, id: string, by: string): Promise<EventRecord> {
    return almanac.events.skipNext(id, by)
  }
}
