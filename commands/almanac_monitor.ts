import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import type { FailedSnapshot, Snapshot } from '../src/scheduler/monitor.ts'
import { AlmanacCommand, utc } from './_base.ts'
import { duration, wholeNumber } from './_input.ts'

export default class AlmanacMonitor extends AlmanacCommand {
  static override commandName = 'almanac:monitor'
  static override description = 'Show again and again who leads, what is due, waits and runs'
  static override help = [
    'Ends with SIGINT (Ctrl-C), or after --count. A look that fails is shown, and the',
    'next one comes at its time. With --json each look is one line.',
    '',
    'Exit codes:',
    '  0  ended',
    '  1  could not begin (flags, config), or the last look failed',
  ]
  static override options: CommandOptions = { startApp: true }

  @flags.string({ description: 'Between two looks, such as 500ms or 5s; default 1s' })
  declare interval?: string

  @flags.number({ description: 'End after so many looks' })
  declare count?: number

  protected async perform(almanac: Scheduler): Promise<void> {
    const interval = duration('interval', this.interval)
    const count = wholeNumber('count', this.count) ?? Infinity
    const abort = new AbortController()
    this.app.listenOnce('SIGINT', () => abort.abort())
    this.app.terminating(() => abort.abort())
    let looks = 0
    for await (const snapshot of almanac.monitor({ interval, signal: abort.signal })) {
      this.exitCode = snapshot.error ? 1 : 0
      this.print(snapshot, () => this.#show(snapshot))
      looks++
      if (looks >= count) {
        return
      }
    }
  }

  #show(snapshot: Snapshot | FailedSnapshot): void {
    if (snapshot.error) {
      this.logger.error(`${utc(snapshot.at)}  ${snapshot.error.message}`)
      return
    }
    const { at, leader, nodes, events, due, late, queued, running, nextDueAt } = snapshot
    const counts = `${queued} queued, ${running} running`
    const lateness = late > 0 ? `${due} due, ${late} late` : `${due} due`
    this.logger.log(
      `${utc(at)}  leader ${leader?.node ?? 'none'}, ${nodes.length} nodes, ` +
        `${events.active} active events, ${lateness}, ${counts}, next ${utc(nextDueAt)}`
    )
  }
}
