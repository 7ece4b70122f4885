import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import { AlmanacCommand } from './_base.ts'
import { concurrencyFlag, queueNames } from './_input.ts'

export default class AlmanacWork extends AlmanacCommand {
  static override commandName = 'almanac:work'
  static override description = 'Fire what is due and run what is queued, until it is stopped'
  static override help = [
    'SIGTERM and SIGINT (Ctrl-C) end it: nothing new is begun, running handlers get',
    'the deadline of config/almanac.ts ("shutdown") to end. A second SIGINT kills.',
    '',
    '--queues loads,reports --concurrency loads=2 keeps two places for loads alone;',
    'the other queues share what is left of the concurrency of this node.',
    '',
    'Exit codes:',
    '  0  stopped cleanly; with --once: the round is done',
    '  1  could not start (config, schema, database), or did not stop cleanly',
  ]

  /** The app is started by `run`, once the flags are known. */
  static override options: CommandOptions = { startApp: false, staysAlive: true }

  @flags.boolean({ description: 'One tick, then run what is queued until nothing is left' })
  declare once: boolean

  @flags.string({ description: 'Executions at once, of all and of queues, such as 10,loads=2' })
  declare concurrency?: string

  @flags.string({ description: 'Queues to work on, separated by commas' })
  declare queues?: string

  override async run(): Promise<void> {
    let working = false
    try {
      await this.guarded(async () => {
        const almanac = await this.#startApp()
        await (this.once ? this.#oneRound(almanac) : this.perform(almanac))
        working = !this.once
      })
    } catch (error) {
      this.exitCode = 1
      throw error
    } finally {
      if (!working) {
        await this.terminate()
      }
    }
  }

  protected async perform(almanac: Scheduler): Promise<void> {
    await almanac.start()
    this.app.terminating(() => this.#drain(almanac))
    const { total } = almanac.capacity()
    this.print({ started: almanac.nodeId, concurrency: total }, () => {
      this.logger.info(`Working as ${almanac.nodeId}, ${total} at once; Ctrl-C drains and stops`)
    })
  }

  /** The flags reach the scheduler before it is made. */
  async #startApp(): Promise<Scheduler> {
    this.app.container.bindValue('almanac.limits', {
      ...concurrencyFlag(this.concurrency),
      queues: queueNames('queues', this.queues),
    })
    this.app.listenOnce('SIGINT', () => this.terminate())
    await this.app.boot()
    await this.app.start(() => {})
    // No server starts here, and handlers may want to make URLs of routes
    const router = await this.app.container.make('router')
    router.commit()
    return this.app.container.make('almanac')
  }

  async #oneRound(almanac: Scheduler): Promise<void> {
    const round = await almanac.once()
    this.print(round, () => {
      this.logger.info(`${round.fired.length} fired, ${round.ran} run`)
    })
  }

  async #drain(almanac: Scheduler): Promise<void> {
    try {
      await almanac.stop()
      this.print({ stopped: almanac.nodeId }, () => this.logger.info('Stopped'))
    } catch (error) {
      this.exitCode = 1
      this.logger.error(`Did not stop cleanly: ${(error as Error).message}`)
    }
    if (almanac.capacity().running > 0) {
      this.exitCode = 1
      this.logger.error('Handlers ignore the shutdown; their work is rescued elsewhere')
    }
  }
}
