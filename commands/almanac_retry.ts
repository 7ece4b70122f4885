import { args, flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import { E_INVALID_FLAG } from '../src/errors.ts'
import type { Redriven } from '../src/scheduler/dead_letters.ts'
import type { Scheduler } from '../src/scheduler.ts'
import { actor, AlmanacCommand } from './_base.ts'
import { wholeNumber } from './_input.ts'

export default class AlmanacRetry extends AlmanacCommand {
  static override commandName = 'almanac:retry'
  static override description = 'Run dead letters again, each as a new execution'
  static override help = [
    'Give ids, or say which with --handler, --event or --subject; --all means every one.',
    'One that was redriven already, and is still open, is not doubled.',
    '',
    'Exit codes:',
    '  0  queued, also when there was nothing to queue',
    '  1  could not be queued (no such execution, its state, flags, config, schema, database)',
  ]
  static override options: CommandOptions = { startApp: true }

  @args.spread({ description: 'Ids of executions', required: false })
  declare ids?: string[]

  @flags.string({ description: 'Those of this event, by id or name' })
  declare event?: string

  @flags.string({ description: 'Those of this handler' })
  declare handler?: string

  @flags.string({ description: 'Those of this subject' })
  declare subject?: string

  @flags.boolean({ description: 'All dead letters' })
  declare all?: boolean

  @flags.string({ description: 'Why, for the journal' })
  declare reason?: string

  @flags.number({ description: 'Look at no more than so many; default 100' })
  declare limit?: number

  protected async perform(almanac: Scheduler): Promise<void> {
    const redriven = this.ids?.length
      ? await this.#byId(almanac, this.ids)
      : await this.#many(almanac)
    this.print(redriven, () => {
      for (const { from, id, inserted } of redriven) {
        this.logger.success(inserted ? `${from} runs again as ${id}` : `${from} is open as ${id}`)
      }
      if (redriven.length === 0) {
        this.logger.info('There is nothing to run again')
      }
    })
  }

  async #byId(almanac: Scheduler, ids: string[]): Promise<Redriven[]> {
    const redriven: Redriven[] = []
    for (const id of ids) {
      redriven.push(...(await almanac.redrive(id, this.#author())))
    }
    return redriven
  }

  async #many(almanac: Scheduler): Promise<Redriven[]> {
    if (!this.all && !this.event && !this.handler && !this.subject) {
      throw new E_INVALID_FLAG(['all', 'not given', 'give ids, a filter, or --all'])
    }
    const event = this.event ? await this.findEvent(almanac, this.event) : undefined
    const { handler, subject } = this
    const limit = wholeNumber('limit', this.limit) ?? 100
    return almanac.redrive({ eventId: event?.id, handler, subject, limit }, this.#author())
  }
  #author(): { by: string; reason?: string } {
    return { by: actor(), ...(this.reason !== undefined && { reason: this.reason }) }
  }
}
