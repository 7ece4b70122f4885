import { args, flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import { SystemClock } from '../src/clock.ts'
import type { Scheduler } from '../src/scheduler.ts'
import { toInstant } from '../src/triggers/instant.ts'
import type { EventRecord } from '../src/types/events.ts'
import { AlmanacCommand, inZone, utc } from './_base.ts'
import { wholeNumber } from './_input.ts'

export default class AlmanacNext extends AlmanacCommand {
  static override commandName = 'almanac:next'
  static override description = 'Show the next slots of one event, or of all active ones'
  static override help = [
    'Slots are computed from the triggers; nothing is fired or stored.',
    '',
    'Exit codes:',
    '  0  shown, even when there are none',
    '  1  could not be shown (no such event, flags, config, schema, database)',
  ]
  static override options: CommandOptions = { startApp: true }

  @args.string({ description: 'Id or name of an event', required: false })
  declare event?: string

  @flags.number({ description: 'At most so many slots; default 10' })
  declare count?: number

  @flags.string({ description: 'From this instant on (ISO 8601 with offset); default: now' })
  declare from?: string

  protected async perform(almanac: Scheduler): Promise<void> {
    const count = wholeNumber('count', this.count) ?? 10
    const events = this.event
      ? [await this.findEvent(almanac, this.event)]
      : await almanac.events.list({ status: 'active' })
    const from = toInstant(this.from ?? new SystemClock().now(), '--from')
    const slots = events
      .flatMap((event) => this.#slotsOf(almanac, { event, from, count }))
      .sort((a, b) => a.at - b.at)
      .slice(0, count)
    const listed = slots.map(({ event, at }) => ({ at, eventId: event.id, name: event.name }))
    this.print(listed, () => {
      const rows = slots.map(({ event, at }) => [utc(at), local(event, at), event.name])
      this.printTable(['Slot (UTC)', 'In its zone', 'Event'], rows)
      events
        .filter(({ problem }) => problem !== null)
        .forEach(({ problem }) => this.logger.warning(String(problem)))
    })
  }

  /** Those that were skipped and those beyond maxRuns are none; a row that is broken has none. */
  #slotsOf(
    almanac: Scheduler,
    { event, from, count }: { event: EventRecord; from: number; count: number }
  ): { event: EventRecord; at: number }[] {
    const { problem, status, nextRunAt, maxRuns, runCount, trigger } = event
    const left = maxRuns === null ? count : Math.min(count, maxRuns - runCount)
    if (problem !== null || left <= 0) {
      return []
    }
    const first = status === 'active' ? Math.max(from, nextRunAt ?? from) : from
    return almanac
      .preview(trigger, { from: first, count: left })
      .map((at) => ({ event, at: at.getTime() }))
  }
}

function local({ trigger }: EventRecord, at: number): string {
  return 'timezone' in trigger ? inZone(at, trigger.timezone) : '-'
}
