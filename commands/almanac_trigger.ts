import { args, flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import { isOutcome } from '../src/executions/state.ts'
import type { Scheduler } from '../src/scheduler.ts'
import type { ExecutionRecord, Outcome } from '../src/types/executions.ts'
import type { JsonObject } from '../src/types/json.ts'
import { actor, AlmanacCommand } from './_base.ts'
import { duration, jsonValue } from './_input.ts'

/** What `--wait` answers with. */
const EXIT_CODES: Record<Outcome, number> = {
  succeeded: 0,
  failed: 2,
  timed_out: 3,
  cancelled: 4,
  abandoned: 5,
  missed: 6,
  skipped: 6,
}
const NOT_OVER = 7

export default class AlmanacTrigger extends AlmanacCommand {
  static override commandName = 'almanac:trigger'
  static override description = 'Run an event now, beside its own slots'
  static override help = [
    'The run is queued; a process that works (almanac:work) runs it.',
    '',
    'Exit codes:',
    '  0  queued; with --wait: it succeeded',
    '  1  could not be queued (no such event, payload, config, schema, database)',
    'With --wait also:',
    '  2  it failed',
    '  3  it timed out',
    '  4  it was cancelled',
    '  5  it was abandoned',
    '  6  it was missed or skipped',
    '  7  it was not over when the --timeout was',
  ]
  static override options: CommandOptions = { startApp: true }

  @args.string({ description: 'Id or name of the event' })
  declare event: string

  @flags.string({ description: "JSON in place of the event's own payload" })
  declare payload?: string

  @flags.string({ description: "JSON object in place of the event's own meta" })
  declare meta?: string

  @flags.string({ description: "In place of the event's own subject" })
  declare subject?: string

  @flags.boolean({ description: 'Wait for the end, and exit by its outcome' })
  declare wait: boolean

  @flags.string({ description: 'Longest wait, such as 30s or 10m; default: no limit' })
  declare timeout?: string

  protected async perform(almanac: Scheduler): Promise<void> {
    const payload = jsonValue('payload', this.payload)
    const meta = jsonValue('meta', this.meta) as JsonObject | undefined
    const timeout = duration('timeout', this.timeout)
    const event = await this.findEvent(almanac, this.event)
    const { subject } = this
    const queued = await almanac.trigger(event.id, { payload, meta, subject, by: actor() })
    if (!this.wait) {
      this.print(queued, () => this.logger.success(`Queued "${event.name}" as ${queued.id}`))
      return
    }
    const execution = (await almanac.waitFor(queued.id, { timeout })) ?? queued
    this.exitCode = isOutcome(execution.state) ? EXIT_CODES[execution.state] : NOT_OVER
    this.print(execution, () => this.#show(event.name, execution))
  }

  #show(name: string, { id, state, error, reason }: ExecutionRecord): void {
    const why = error?.message ?? reason
    const line = `"${name}" ${state.replace('_', ' ')}${why ? `: ${why}` : ''} (${id})`
    if (this.exitCode === 0) {
      this.logger.success(line)
    } else {
      this.logger.error(line)
    }
  }
}
