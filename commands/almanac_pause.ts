import type { Scheduler } from '../src/scheduler.ts'
import type { EventRecord } from '../src/types/events.ts'
import { EventChangeCommand } from './_event_change.ts'

export default class AlmanacPause extends EventChangeCommand {
  static override commandName = 'almanac:pause'
  static override description = 'Stop firing an event until it is resumed'
  static override help = [
    'A pause by hand survives restarts and every sync of the source of the event.',
    '',
    'Exit codes:',
    '  0  done, or so already',
    '  1  could not be done (no such event, its state, config, schema, database)',
  ]

  protected readonly done = 'Paused'

  protected change(almanac: Scheduler, id: string, by: string): Promise<EventRecord> {
    return almanac.events.pause(id, by)
  }
}
