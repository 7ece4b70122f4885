import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { LegacyAdapter } from '../src/legacy/adapter.ts'
import type { ScheduleView } from '../src/legacy/facade/schedule_book.ts'
import { utc } from './_base.ts'
import { LegacyCommand } from './_legacy.ts'

export default class LegacySchedules extends LegacyCommand {
  static override commandName = 'legacy:schedules'
  static override description = 'List the current schedules of a legacy source'
  static override help = [
    'Exit codes:',
    '  0  listed, even when there are none',
    '  1  could not be listed (config, database)',
  ]
  static override options: CommandOptions = { startApp: true }

  @flags.string({ description: 'Only of this MAPREF' })
  declare mapref?: string

  protected async work({ schedules }: LegacyAdapter): Promise<void> {
    const views = await schedules.list(this.mapref)
    this.print(views, () => {
      const head = ['MAPREF', 'JOBSCHID', 'Enabled', 'When', 'Next (UTC)', 'After', 'Problems']
      this.printTable(head, views.map(row))
    })
  }
}

function row(view: ScheduleView): string[] {
  const { mapref, jobschid, enabled, when, nextRunAt, parent, problems } = view
  const next = utc(nextRunAt)
  const wrong = problems.join('; ') || '-'
  return [
    mapref ?? '-',
    `${jobschid}`,
    enabled ? 'yes' : 'no',
    when ?? '-',
    next,
    parent ?? '-',
    wrong,
  ]
}
