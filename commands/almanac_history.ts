import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import { EXECUTION_STATES, type ExecutionRecord } from '../src/types/executions.ts'
import { AlmanacCommand, span, utc } from './_base.ts'
import { list, oneOf, wholeNumber } from './_input.ts'

export default class AlmanacHistory extends AlmanacCommand {
  static override commandName = 'almanac:history'
  static override description = 'List executions, newest first'
  static override help = [
    'Exit codes:',
    '  0  listed, even when there are none',
    '  1  could not be listed (no such event, flags, config, schema, database)',
  ]
  static override options: CommandOptions = { startApp: true }

  @flags.string({ description: 'Only of this event, by id or name' })
  declare event?: string

  @flags.string({ description: 'Only of this handler' })
  declare handler?: string

  @flags.string({ description: 'Only in these states, separated by commas, such as failed,missed' })
  declare state?: string

  @flags.string({ description: 'Only of this subject' })
  declare subject?: string

  @flags.string({ description: 'Only last run by this node, by its name or `<node>.<boot>`' })
  declare node?: string

  @flags.string({ description: 'Only of this queue' })
  declare queue?: string

  @flags.string({ description: 'Only queued at or after this instant (ISO 8601 with offset)' })
  declare from?: string

  @flags.string({ description: 'Only queued before this instant (ISO 8601 with offset)' })
  declare to?: string

  @flags.number({ description: 'At most so many; default 20' })
  declare limit?: number

  @flags.string({ description: 'Only before this execution id, for the next page' })
  declare before?: string

  protected async perform(almanac: Scheduler): Promise<void> {
    const states = list(this.state)?.map((state) => oneOf('state', state, EXECUTION_STATES)!)
    const event = this.event ? await this.findEvent(almanac, this.event) : undefined
    const executions = await almanac.history({
      eventId: event?.id,
      handler: this.handler,
      subject: this.subject,
      node: this.node,
      states,
      queue: this.queue,
      from: this.from,
      to: this.to,
      limit: wholeNumber('limit', this.limit) ?? 20,
      before: this.before,
    })
    this.print(executions, () => {
      const times = ['Slot (UTC)', 'Started (UTC)', 'Took']
      const head = ['Execution', 'Handler', 'Key', 'State', ...times, 'Why']
      this.printTable(head, executions.map(row))
    })
  }
}

function row(execution: ExecutionRecord): string[] {
  const { id, handler, concurrencyKey, state, slot, slotCount, startedAt, finishedAt } = execution
  const slots = slotCount > 1 ? `${utc(slot)} and ${slotCount - 1} more` : utc(slot)
  const took = startedAt !== null && finishedAt !== null ? span(finishedAt - startedAt) : '-'
  const why = execution.error?.message ?? execution.reason ?? '-'
  return [id, handler, concurrencyKey ?? '-', state, slots, utc(startedAt), took, why]
}
