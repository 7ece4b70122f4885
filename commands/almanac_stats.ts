import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import type { ExecutionStats } from '../src/scheduler/types.ts'
import { OUTCOMES } from '../src/types/executions.ts'
import { AlmanacCommand, span } from './_base.ts'
import { oneOf } from './_input.ts'

export default class AlmanacStats extends AlmanacCommand {
  static override commandName = 'almanac:stats'
  static override description =
    'Show how executions ended, how long they took and how late they were'
  static override help = [
    'Whole UTC days; the last seven when none are named. Executions that were pruned count too.',
    '',
    'Exit codes:',
    '  0  shown, even when there are none',
    '  1  could not be shown (no such event, flags, config, schema, database)',
  ]
  static override options: CommandOptions = { startApp: true }

  @flags.string({ description: 'Only of this event, by id or name' })
  declare event?: string

  @flags.string({ description: 'Only of this handler' })
  declare handler?: string

  @flags.string({ description: 'Only of this subject' })
  declare subject?: string

  @flags.string({ description: 'Only of this outcome, such as failed' })
  declare outcome?: string

  @flags.string({ description: 'Only of the node of this name' })
  declare node?: string

  @flags.string({ description: 'From the day of this instant on (ISO 8601 with offset)' })
  declare from?: string

  @flags.string({ description: 'To the day of this instant (ISO 8601 with offset)' })
  declare to?: string

  protected async perform(almanac: Scheduler): Promise<void> {
    const event = this.event ? await this.findEvent(almanac, this.event) : undefined
    const stats = await almanac.stats({
      event: event?.id,
      handler: this.handler,
      subject: this.subject,
      outcome: oneOf('outcome', this.outcome, OUTCOMES),
      node: this.node,
      from: this.from,
      to: this.to,
    })
    this.print(stats, () => {
      this.logger.log(`${stats.from} to ${stats.to} (UTC): ${headline(stats)}`)
      this.printTable(['', 'Mean', 'p50', 'p95', 'Longest'], times(stats))
    })
  }
}

function headline({ total, outcomes, successRate }: ExecutionStats): string {
  const ended = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`)
  const rate = successRate === null ? '' : `; ${(successRate * 100).toFixed(1)} % succeeded`
  return `${total} ended${ended.length > 0 ? ` (${ended.join(', ')})` : ''}${rate}`
}

function times(stats: ExecutionStats): string[][] {
  const { meanDuration, p50Duration, p95Duration, maxDuration } = stats
  const { meanLateness, p50Lateness, p95Lateness, maxLateness } = stats
  const shown = (all: (number | null)[]) => all.map((ms) => (ms === null ? '-' : span(ms)))
  return [
    ['Duration', ...shown([meanDuration, p50Duration, p95Duration, maxDuration])],
    ['Lateness', ...shown([meanLateness, p50Lateness, p95Lateness, maxLateness])],
  ]
}
