import { readFile } from 'node:fs/promises'
import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import type { ImportReport } from '../src/scheduler/backup/main.ts'
import { actor, AlmanacCommand } from './_base.ts'
import { oneOf } from './_input.ts'

const ON_CONFLICT = ['fail', 'skip', 'replace'] as const

export default class AlmanacImport extends AlmanacCommand {
  static override commandName = 'almanac:import'
  static override description = 'Take over the definitions that almanac:export wrote'
  static override help = [
    'Next slots are computed from now; nothing of the past is run without --backfill-from.',
    'Sources and paused states are kept. A bad line is refused alone.',
    '',
    'Exit codes:',
    '  0  imported; with --dry-run: it would be, whole',
    '  1  could not be imported (file, flags, config, schema, database)',
    '  2  imported but for the lines that were refused: they are listed',
    '  3  nothing was imported: events are there already and differ (see --on-conflict)',
  ]
  static override options: CommandOptions = { startApp: true }

  @flags.string({ description: 'File to read', required: true })
  declare file: string

  @flags.boolean({ description: 'Tell what would be done, and do nothing' })
  declare dryRun: boolean

  @flags.string({
    description: 'For events that are there and differ: fail (default), skip or replace',
  })
  declare onConflict?: string

  @flags.string({ description: 'Run the slots from this instant on (ISO 8601 with offset)' })
  declare backfillFrom?: string

  protected async perform(almanac: Scheduler): Promise<void> {
    const onConflict = oneOf('on-conflict', this.onConflict, ON_CONFLICT)
    const path = this.app.makePath(this.file)
    const { dryRun = false, backfillFrom } = this
    const text = await this.onFile(this.file, () => readFile(path, 'utf8'))
    const options = { onConflict, dryRun, backfillFrom, by: actor() }
    const report = await almanac.import(text.split('\n'), options)
    this.print(report, () => this.#show(report))
    if (!report.applied) {
      this.exitCode = 3
    } else if (report.refused.length > 0) {
      this.exitCode = 2
    }
  }

  #show(report: ImportReport): void {
    const { added, replaced, skipped, unchanged, conflicts, refused, backfilled } = report
    for (const { line, field, value, message } of refused) {
      this.logger.error(`Line ${line}, ${field} (${value}): ${message}`)
    }
    for (const { line, name, source, eventId, by } of conflicts) {
      this.logger.warning(`Line ${line}: "${name}" of ${source} is there by its ${by} (${eventId})`)
    }
    for (const handler of report.unknownHandlers) {
      this.logger.warning(`No handler here is named "${handler}"`)
    }
    if (!report.applied) {
      this.logger.error('Nothing was imported; give --on-conflict=skip or --on-conflict=replace')
      return
    }
    const counts = `${added} added, ${replaced} replaced, ${skipped} skipped, ${unchanged} unchanged`
    const past = backfilled > 0 ? `, ${backfilled} slots of the past queued` : ''
    this.logger.info(`${report.dryRun ? 'Would be: ' : ''}${counts}${past}`)
  }
}
