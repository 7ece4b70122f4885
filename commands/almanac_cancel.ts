import type { Scheduler } from '../src/scheduler.ts'
import type { EventRecord } from '../src/types/events.ts'
import { EventChangeCommand } from './_event_change.ts'

export default class AlmanacCancel extends EventChangeCommand {
  static override commandName = 'almanac:cancel'
  static override description = 'End an event for good'
  static override help = [
    'What is queued of it still runs. A cancelled event cannot be resumed.',
    '',
    'Exit codes:',
    '  0  done, or so already',
    '  1  could not be done (no such event, its state, config, schema, database)',
  ]

  protected readonly done = 'Cancelled'

  protected change(almanac: Scheduler, id: string, by: string): Promise<EventRecord> {
    return almanac.events.cancel(id, by)
  }
}
