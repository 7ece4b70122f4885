import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import { SystemClock } from '../src/clock.ts'
import type { Scheduler } from '../src/scheduler.ts'
import type { Forecast } from '../src/scheduler/forecast/forecast.ts'
import { AlmanacCommand, span, utc } from './_base.ts'
import { duration, wholeNumber } from './_input.ts'

export default class AlmanacForecast extends AlmanacCommand {
  static override commandName = 'almanac:forecast'
  static override description = 'Show the load that lies ahead, hour by hour'
  static override help = [
    'How long runs take is the mean of the last two weeks. Slots of paused events',
    'are counted apart. Nothing is fired or stored.',
    '',
    'Exit codes:',
    '  0  shown: what runs at once fits',
    '  1  could not be shown (no such event, flags, config, schema, database)',
    '  2  shown: more would run at once than fits, and waits',
  ]
  static override options: CommandOptions = { startApp: true }

  @flags.string({ description: 'From this instant on (ISO 8601 with offset); default: now' })
  declare from?: string

  @flags.string({ description: 'Up to this instant (ISO 8601 with offset)' })
  declare to?: string

  @flags.string({ description: 'In place of --to: so long from now, such as 8h; default 24h' })
  declare for?: string

  @flags.string({ description: 'The zone of the hours, such as Europe/Berlin; default UTC' })
  declare timezone?: string

  @flags.string({ description: 'Only this event, by id or name' })
  declare event?: string

  @flags.string({ description: 'Only of this source, such as code or api' })
  declare source?: string

  @flags.number({ description: 'Runs at once that fit; default: what the working nodes take' })
  declare concurrency?: number

  @flags.number({ description: 'At most so many runs; default 10,000' })
  declare limit?: number

  @flags.boolean({ description: 'List the runs as well' })
  declare runs: boolean

  protected async perform(almanac: Scheduler): Promise<void> {
    const event = this.event ? await this.findEvent(almanac, this.event) : undefined
    const length = duration('for', this.for)
    const now = new SystemClock().now()
    const forecast = await almanac.forecast({
      from: this.from,
      to: this.to ?? (length === undefined ? undefined : now + length),
      timezone: this.timezone,
      source: this.source,
      event: event?.id,
      concurrency: wholeNumber('concurrency', this.concurrency),
      limit: wholeNumber('limit', this.limit),
    })
    this.print(forecast, () => this.#show(forecast))
    if (forecast.over.length > 0) {
      this.exitCode = 2
    }
  }

  #show(forecast: Forecast): void {
    const { hours, timezone, over, concurrency, problems } = forecast
    if (this.runs) {
      this.#showRuns(forecast)
    }
    const rows = hours.map(({ local, runs, paused, work, peak }) => {
      return [local.replace('T', ' '), String(runs), String(paused), span(work), String(peak)]
    })
    this.printTable([`Hour (${timezone})`, 'Runs', 'Of paused', 'Work', 'At once'], rows)
    over.forEach(({ from, to, peak }) => {
      const when = `from ${utc(from)} to ${utc(to)}`
      this.logger.warning(`${peak} at once ${when}, and ${concurrency} fit: the others wait`)
    })
    problems.forEach(({ name, message }) => this.logger.warning(`"${name}": ${message}`))
    if (forecast.truncated) {
      const until = utc(forecast.completeTo)
      this.logger.warning(`There is more than this shows; it is whole up to ${until}`)
    }
  }

  #showRuns({ runs }: Forecast): void {
    const rows = runs.map(({ at, name, handler, duration: ms, paused, overlap }) => {
      return [
        utc(at),
        name,
        handler,
        ms === null ? '-' : span(ms),
        paused ? 'paused' : (overlap ?? '-'),
      ]
    })
    this.printTable(['Slot (UTC)', 'Event', 'Handler', 'Takes', 'Note'], rows)
  }
}
