import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import { EVENT_SORTS, type EventRecord, type EventStatus } from '../src/types/events.ts'
import { AlmanacCommand, utc } from './_base.ts'
import { list, oneOf, wholeNumber } from './_input.ts'

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

  @flags.string({ description: 'Only of this subject' })
  declare subject?: string

  @flags.string({ description: 'Only with all of these tags, separated by commas' })
  declare tag?: string

  @flags.string({ description: 'Only with this text in the name' })
  declare text?: string

  @flags.number({ description: 'At most so many; default 100' })
  declare limit?: number

  @flags.string({ description: `Ordered by ${EVENT_SORTS.join(', ')}; default name` })
  declare sort?: string

  @flags.string({ description: 'The page behind this cursor, which the page before told' })
  declare cursor?: string

  protected async perform(almanac: Scheduler): Promise<void> {
    const { events, next } = await almanac.events.page({
      status: oneOf('status', this.status, STATUSES),
      source: this.source,
      handler: this.handler,
      subject: this.subject,
      tag: list(this.tag),
      text: this.text,
      limit: wholeNumber('limit', this.limit) ?? 100,
      sort: oneOf('sort', this.sort, EVENT_SORTS),
      cursor: this.cursor,
    })
    this.print({ events, next }, () => {
      const head = ['Event', 'Source', 'Status', 'When', 'Next (UTC)', 'Last outcome', 'Id']
      const rows = events.map((event) => this.#row(almanac, event))
      this.printTable(head, rows)
      if (next !== null) {
        this.logger.log(`There are more: --cursor=${next}`)
      }
    })
  }

  #row(almanac: Scheduler, event: EventRecord): string[] {
    const { name, source, status, problem, nextRunAt, lastOutcome, id } = event
    // The trigger of a row that plain SQL has broken may be none
    const when = problem ?? almanac.describe(event.trigger)
    return [name, source, status, when, utc(nextRunAt), lastOutcome ?? '-', id]
  }
}
