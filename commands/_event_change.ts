import { args, flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Target } from '../src/scheduler/controls.ts'
import type { Scheduler } from '../src/scheduler.ts'
import type { EventRecord } from '../src/types/events.ts'
import { actor, AlmanacCommand, utc } from './_base.ts'
import { controlTarget, targetText } from './_control_target.ts'

/** What pausing and resuming have in common: an event, or what runs of a kind. */
export abstract class EventChangeCommand extends AlmanacCommand {
  static override options: CommandOptions = { startApp: true }

  @args.string({ description: 'Id or name of the event', required: false })
  declare event?: string

  @flags.boolean({ description: 'Everything: no slot fires, nothing begins' })
  declare all: boolean

  @flags.string({ description: 'What is in this queue' })
  declare queue?: string

  @flags.string({ description: 'The executions of this handler' })
  declare handler?: string

  @flags.string({ description: 'What this node would run, by its name' })
  declare node?: string

  /** What was done, for people. */
  protected abstract readonly done: string

  protected abstract change(almanac: Scheduler, id: string, by: string): Promise<EventRecord>

  /** @returns false when it was so already */
  protected abstract control(almanac: Scheduler, target: Target, by: string): Promise<boolean>

  protected async perform(almanac: Scheduler): Promise<void> {
    const target = controlTarget(this)
    await (target === null ? this.#changeEvent(almanac) : this.#control(almanac, target))
  }

  async #changeEvent(almanac: Scheduler): Promise<void> {
    const { id } = await this.findEvent(almanac, this.event!)
    const event = await this.change(almanac, id, actor())
    this.print(event, () => {
      const next = event.status === 'active' ? `, next slot ${utc(event.nextRunAt)}` : ''
      this.logger.success(`${this.done} "${event.name}" (${event.source})${next}`)
    })
  }

  async #control(almanac: Scheduler, target: Target): Promise<void> {
    const changed = await this.control(almanac, target, actor())
    this.print({ ...target, changed }, () => {
      const so = changed ? '' : ': it was so already'
      this.logger.success(`${this.done} ${targetText(target)}${so}`)
    })
  }
}
