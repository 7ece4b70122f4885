import type { Target } from '../src/scheduler/controls.ts'
import type { Scheduler } from '../src/scheduler.ts'
import type { EventRecord } from '../src/types/events.ts'
import { ControlChangeCommand } from './_control_change.ts'

export default class AlmanacResume extends ControlChangeCommand {
  static override commandName = 'almanac:resume'
  static override description =
    'Let what is paused go on: an event, a queue, a handler, a node or everything'
  static override help = [
    'The slots of the pause become one missed range, unless the event says otherwise (onResume).',
    '',
    'Exit codes:',
    '  0  done, or so already',
    '  1  could not be done (no such event, its state, config, schema, database)',
  ]

  protected readonly done = 'Resumed'

  protected change(almanac: Scheduler, id: string, by: string): Promise<EventRecord> {
    return almanac.events.resume(id, by)
  }

  protected control(almanac: Scheduler, target: Target, by: string): Promise<boolean> {
    return almanac.resume({ ...target, by })
  }
}
