import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import { AlmanacCommand, utc } from './_base.ts'
import { wholeNumber } from './_input.ts'

export default class AlmanacDead extends AlmanacCommand {
  static override commandName = 'almanac:dead'
  static override description = 'List dead letters: executions that are over without success'
  static override help = [
    'Failed, timed out or abandoned, and not redriven. "almanac:retry" runs them again.',
    '',
    'Exit codes:',
    '  0  listed, even when there are none',
    '  1  could not be listed (no such event, flags, config, schema, database)',
  ]
  static override options: CommandOptions = { startApp: true }

  @flags.string({ description: 'Only of this event, by id or name' })
  declare event?: string

  @flags.string({ description: 'Only of this handler' })
  declare handler?: string

  @flags.string({ description: 'Only of this subject' })
  declare subject?: string

  @flags.string({ description: 'Only queued at or after this instant (ISO 8601 with offset)' })
  declare from?: string

  @flags.string({ description: 'Only queued before this instant (ISO 8601 with offset)' })
  declare to?: string

  @flags.number({ description: 'Look at no more than so many; default 100' })
  declare limit?: number

  protected async perform(almanac: Scheduler): Promise<void> {
    const event = this.event ? await this.findEvent(almanac, this.event) : undefined
    const letters = await almanac.deadLetters({
      eventId: event?.id,
      handler: this.handler,
      subject: this.subject,
      from: this.from,
      to: this.to,
      limit: wholeNumber('limit', this.limit) ?? 100,
    })
    this.print(letters, () => {
      const head = ['Execution', 'Handler', 'State', 'Attempts', 'Ended (UTC)', 'Why']
      const rows = letters.map(({ id, handler, state, attempt, finishedAt, error, reason }) => {
        const why = error?.message ?? reason ?? '-'
        return [id, handler, state, String(attempt), utc(finishedAt), why]
      })
      this.printTable(head, rows)
    })
  }
}
