import { args, flags } from '@adonisjs/core/ace'
import type { Target } from '../src/scheduler/controls.ts'
import type { Scheduler } from '../src/scheduler.ts'
import { actor } from './_base.ts'
import { controlTarget, targetText } from './_control_target.ts'
import { ChangeCommand } from './_event_change.ts'

/** What pausing and resuming have in common: an event, or what runs of a kind. */
export abstract class ControlChangeCommand extends ChangeCommand {
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

  /** @returns false when it was so already */
  protected abstract control(almanac: Scheduler, target: Target, by: string): Promise<boolean>

  protected async perform(almanac: Scheduler): Promise<void> {
    const target = controlTarget(this)
    await (target === null ? this.changeEvent(almanac, this.event!) : this.#change(almanac, target))
  }

  async #change(almanac: Scheduler, target: Target): Promise<void> {
    const changed = await this.control(almanac, target, actor())
    this.print({ ...target, changed }, () => {
      const so = changed ? '' : ': it was so already'
      this.logger.success(`${this.done} ${targetText(target)}${so}`)
    })
  }
}
