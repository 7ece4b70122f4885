import { args, flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import type { BackfillReport } from '../src/scheduler/backfill/backfill.ts'
import { actor, AlmanacCommand, utc } from './_base.ts'
import { oneOf, wholeNumber } from './_input.ts'

const RERUN = ['none', 'failed', 'all'] as const

export default class AlmanacBackfill extends AlmanacCommand {
  static override commandName = 'almanac:backfill'
  static override description = 'Queue the slots of a window of the past that were not run'
  static override help = [
    'Each slot is queued once, however often this is called. Slots that are not',
    'decided yet are left to the loop, those of a pause to the resume.',
    'A process that works (almanac:work) runs what is queued.',
    '',
    'Exit codes:',
    '  0  queued, even when there was nothing to queue; with --dry-run: shown',
    '  1  could not be queued (no such event, flags, config, schema, database)',
  ]
  static override options: CommandOptions = { startApp: true }

  @args.string({ description: 'Id or name of the event' })
  declare event: string

  @flags.string({ description: 'First instant (ISO 8601 with offset)', required: true })
  declare from: string

  @flags.string({ description: 'Last instant (ISO 8601 with offset); default: now' })
  declare to?: string

  @flags.string({ description: 'Which slots run first: oldest (default) or newest' })
  declare order?: string

  @flags.number({ description: 'At once, over all nodes; default 1' })
  declare concurrency?: number

  @flags.string({ description: 'Slots to run again: none (default), failed or all' })
  declare rerun?: string

  @flags.number({ description: '1 first .. 10 last (default)' })
  declare priority?: number

  @flags.boolean({ description: 'Tell what would be done, and do nothing' })
  declare dryRun: boolean

  protected async perform(almanac: Scheduler): Promise<void> {
    const rerun = oneOf('rerun', this.rerun, RERUN)
    const order = oneOf('order', this.order, ['oldest', 'newest'])
    const { id } = await this.findEvent(almanac, this.event)
    const report = await almanac.backfill(id, {
      from: this.from,
      to: this.to,
      order,
      concurrency: wholeNumber('concurrency', this.concurrency),
      rerun: rerun === 'failed' ? 'failed' : rerun === 'all',
      priority: wholeNumber('priority', this.priority),
      dryRun: this.dryRun ?? false,
      by: actor(),
    })
    this.print(report, () => this.#show(report))
  }

  #show({ name, from, to, dryRun, slots, queued, pending, ...rest }: BackfillReport): void {
    const { missed, created, reruns, left } = rest
    this.logger.log(`"${name}" from ${utc(from)} to ${utc(to)}: ${slots} slots`)
    const parts = `${missed} missed, ${created} never were, ${reruns} run again`
    this.logger.success(`${dryRun ? 'Would queue' : 'Queued'} ${queued}: ${parts}`)
    const stay = Object.entries(left).map(([state, count]) => `${count} ${state.replace('_', ' ')}`)
    if (stay.length > 0) {
      this.logger.info(`Left as they are: ${stay.join(', ')}`)
    }
    if (pending > 0) {
      this.logger.info(`${pending} are still to be decided, by the loop or a resume`)
    }
  }
}
