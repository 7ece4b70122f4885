import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import type { EventStatus } from '../src/types/events.ts'
import { AlmanacCommand, utc } from './_base.ts'
import { oneOf, wholeNumber } from './_input.ts'

const STATUSES: readonly EventStatus[] = ['active', 'paused', 'completed', 'cancelled']

export default class AlmanacEvents extends AlmanacCommand {
  static override commandName = 'almanac:events'
  static override description = 'List the events, their triggers and their next slots'
  static override help = [
    'Exit codes:',
    '  0  listed, even when there are none',
    '  1  could not be listed (flags, config, schema, database)',
  ]
  static override options: CommandOptions = { startApp: true }

  @flags.string({ description: `Only with this status: ${STATUSES.join(', ')}` })
  declare status?: string

  @flags.string({ description: 'Only of this source, such as code or api' })
  declare source?: string

  @flags.string({ description: 'Only of this handler' })
  declare handler?: string

  @flags.string({ description: 'Only with this text in the name' })
  declare text?: string

  @flags.number({ description: 'At most so many; default 100' })
  declare limit?: number

  @flags.string({ description: 'Only after this name, for the next page' })
  declare after?: string

  protected async perform(almanac: Scheduler): Promise<void> {
    const events = await almanac.events.list({
      status: oneOf('status', this.status, STATUSES),
      source: this.source,
      handler: this.handler,
      text: this.text,
      limit: wholeNumber('limit', this.limit) ?? 100,
      after: this.after,
    })
    this.print(events, () => {
      const rows = events.map((event) => [
        event.name,
        event.source,
        event.status,
        almanac.describe(event.trigger),
        utc(event.nextRunAt),
        event.lastOutcome ?? '-',
        event.id,
      ])
      this.printTable(
        ['Event', 'Source', 'Status', 'When', 'Next (UTC)', 'Last outcome', 'Id'],
        rows
      )
    })
  }
}
