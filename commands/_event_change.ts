import { args } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import type { EventRecord } from '../src/types/events.ts'
import { actor, AlmanacCommand, utc } from './_base.ts'

/** Changes the state of an event and says so. */
export abstract class ChangeCommand extends AlmanacCommand {
  static override options: CommandOptions = { startApp: true }

  /** What was done, for people. */
  protected abstract readonly done: string

  protected abstract change(almanac: Scheduler, id: string, by: string): Promise<EventRecord>

  protected async changeEvent(almanac: Scheduler, reference: string): Promise<void> {
    const { id } = await this.findEvent(almanac, reference)
    const event = await this.change(almanac, id, actor())
    this.print(event, () => {
      const next = event.status === 'active' ? `, next slot ${utc(event.nextRunAt)}` : ''
      this.logger.success(`${this.done} "${event.name}" (${event.source})${next}`)
    })
  }
}

/** What the commands that change the state of one event have in common. */
export abstract class EventChangeCommand extends ChangeCommand {
  @args.string({ description: 'Id or name of the event' })
  declare event: string

  protected perform(almanac: Scheduler): Promise<void> {
    return this.changeEvent(almanac, this.event)
  }
}
