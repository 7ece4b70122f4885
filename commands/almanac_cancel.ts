import { args, flags } from '@adonisjs/core/ace'
import { E_INVALID_FLAG } from '../src/errors.ts'
import type { Scheduler } from '../src/scheduler.ts'
import type { EventRecord } from '../src/types/events.ts'
import { actor } from './_base.ts'
import { ChangeCommand } from './_event_change.ts'

export default class AlmanacCancel extends ChangeCommand {
  static override commandName = 'almanac:cancel'
  static override description = 'End an event for good, or one execution'
  static override help = [
    'Of an event: what is queued of it still runs. A cancelled event cannot be resumed.',
    'With --execution one execution ends: at once where it is queued; where it runs,',
    'its node is asked to stop it, whichever it is.',
    '',
    'Exit codes:',
    '  0  done, asked for, or so already',
    '  1  could not be done (no such event or execution, its state, flags, config, schema, database)',
  ]

  @args.string({ description: 'Id or name of the event', required: false })
  declare event?: string

  @flags.string({ description: 'Id of the execution that is to end, instead of an event' })
  declare execution?: string

  @flags.string({ description: 'Why the execution is cancelled' })
  declare reason?: string

  protected readonly done = 'Cancelled'

  protected change(almanac: Scheduler, id: string, by: string): Promise<EventRecord> {
    return almanac.events.cancel(id, by)
  }

  protected async perform(almanac: Scheduler): Promise<void> {
    const { event, execution, reason } = this
    if ((event === undefined) === (execution === undefined)) {
      const given = event === undefined ? 'nothing named' : `${execution}, and the event ${event}`
      throw new E_INVALID_FLAG(['execution', given, 'name an event, or an execution'])
    }
    if (event !== undefined && reason !== undefined) {
      throw new E_INVALID_FLAG(['reason', reason, 'give it with --execution; an event keeps none'])
    }
    await (event === undefined
      ? this.#cancelExecution(almanac, execution!)
      : this.changeEvent(almanac, event))
  }

  async #cancelExecution(almanac: Scheduler, id: string): Promise<void> {
    const { reason } = this
    const by = actor()
    const cancel = await almanac.cancel(id, { by, ...(reason !== undefined && { reason }) })
    this.print({ id, cancel }, () => {
      const what = { cancelled: 'Cancelled', requested: 'Asked its node to stop' }
      this.logger.success(cancel === null ? `${id} had ended before` : `${what[cancel]} ${id}`)
    })
  }
}
