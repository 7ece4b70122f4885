import { flags } from '@adonisjs/core/ace'
import type { Target } from '../src/scheduler/controls.ts'
import type { Scheduler } from '../src/scheduler.ts'
import type { EventRecord } from '../src/types/events.ts'
import { ControlChangeCommand } from './_control_change.ts'

export default class AlmanacPause extends ControlChangeCommand {
  static override commandName = 'almanac:pause'
  static override description =
    'Stop an event, a queue, a handler, a node or everything until it is resumed'
  static override help = [
    'A pause by hand survives restarts and every sync of the source of the event.',
    'What is queued stays queued, what runs goes on. With --all no slot fires either:',
    'the misfire policies decide about them when it is resumed.',
    '',
    'Exit codes:',
    '  0  done, or so already',
    '  1  could not be done (no such event, its state, config, schema, database)',
  ]

  @flags.string({ description: 'Why, for whoever finds it paused (not for an event)' })
  declare reason?: string

  protected readonly done = 'Paused'

  protected change(almanac: Scheduler, id: string, by: string): Promise<EventRecord> {
    return almanac.events.pause(id, by)
  }

  protected control(almanac: Scheduler, target: Target, by: string): Promise<boolean> {
    return almanac.pause({ ...target, reason: this.reason, by })
  }
}
