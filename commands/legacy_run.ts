import { args, flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { LegacyAdapter } from '../src/legacy/adapter.ts'
import type { JsonObject } from '../src/types/json.ts'
import { jsonValue } from './_input.ts'
import { LegacyRequestCommand, REQUEST_EXIT_CODES } from './_legacy.ts'

export default class LegacyRun extends LegacyRequestCommand {
  static override commandName = 'legacy:run'
  static override description = 'Queue a run of a legacy flow, or a history load'
  static override help = [
    'The request is a row of the request table; a process that works runs it.',
    '',
    ...REQUEST_EXIT_CODES,
  ]
  static override options: CommandOptions = { startApp: true }

  @args.string({ description: 'MAPREF of the flow' })
  declare mapref: string

  @flags.string({ description: 'JSON object with param1 to param10' })
  declare params?: string

  @flags.boolean({ description: 'Run once per day, from --from to --to' })
  declare history: boolean

  @flags.string({ description: 'First day of a history load; default: as DWPARAMS says' })
  declare from?: string

  @flags.string({ description: 'Last day of a history load; default: yesterday' })
  declare to?: string

  @flags.boolean({ description: 'Truncate the target before the first day of a history load' })
  declare truncate: boolean

  protected async work({ pkgdwprc }: LegacyAdapter): Promise<void> {
    const { mapref, waiting } = this
    const params = jsonValue('params', this.params) as JsonObject | undefined
    const days = {
      mapref,
      startDate: this.from,
      endDate: this.to,
      truncate: this.truncate ? 'Y' : 'N',
    } as const
    const answer = this.history
      ? await pkgdwprc.processHistoricalData(days, waiting)
      : await pkgdwprc.processJobFlow({ mapref, params }, waiting)
    this.tell(mapref, answer)
  }
}
