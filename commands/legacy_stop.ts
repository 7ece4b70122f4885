import { args, flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { LegacyAdapter } from '../src/legacy/adapter.ts'
import { LegacyRequestCommand, REQUEST_EXIT_CODES } from './_legacy.ts'

export default class LegacyStop extends LegacyRequestCommand {
  static override commandName = 'legacy:stop'
  static override description = 'Ask for the stop of a running legacy flow'
  static override help = [
    'The request is a row of the request table; the next process that polls stops the run.',
    '',
    ...REQUEST_EXIT_CODES,
  ]
  static override options: CommandOptions = { startApp: true }

  @args.string({ description: 'MAPREF of the flow' })
  declare mapref: string

  @flags.string({ description: 'Day of the run to stop; default: the newest run' })
  declare date?: string

  @flags.boolean({
    description: 'Answer at once, and close the row of a run whose handler does not listen',
  })
  declare force: boolean

  protected async work({ pkgdwprc }: LegacyAdapter): Promise<void> {
    const { mapref, date } = this
    const input = { mapref, startTime: date, force: this.force ? 'Y' : 'N' } as const
    this.tell(mapref, await pkgdwprc.stopRunningJob(input, this.waiting))
  }
}
