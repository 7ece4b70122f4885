import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import type { LimitOptions } from '../src/scheduler/controls.ts'
import { E_INVALID_FLAG } from '../src/errors.ts'
import type { ControlRecord, HandlerLimits } from '../src/types/controls.ts'
import { actor, AlmanacCommand, span } from './_base.ts'
import { controlName, pauseWords } from './_control_target.ts'
import { wholeNumber } from './_input.ts'

export default class AlmanacLimits extends AlmanacCommand {
  static override commandName = 'almanac:limits'
  static override description = 'Show pauses and limits, or limit a handler'
  static override help = [
    'Without --handler every pause and limit is shown.',
    'A limit set here goes before what the code declares, until --reset.',
    '',
    'Exit codes:',
    '  0  done, or so already',
    '  1  could not be done (flags, config, schema, database)',
  ]

  static override options: CommandOptions = { startApp: true }

  @flags.string({ description: 'The handler to limit' })
  declare handler?: string

  @flags.number({ description: 'Executions at once in the whole cluster' })
  declare cluster?: number

  @flags.number({ description: 'Executions at once on each node' })
  declare perNode?: number

  @flags.number({ description: 'Executions at once of each concurrency key' })
  declare perKey?: number

  @flags.string({ description: 'So many within a span, such as 100/1m' })
  declare rate?: string

  @flags.boolean({ description: 'Let what the code declares hold again' })
  declare reset: boolean

  @flags.string({ description: 'Why, for the journal' })
  declare reason?: string

  protected async perform(almanac: Scheduler): Promise<void> {
    const options = this.#options()
    if (options !== null) {
      await almanac.setLimit(options)
    }
    const controls = await almanac.controls()
    this.print(controls, () => {
      if (controls.length === 0) {
        this.logger.info('Nothing is paused or limited')
        return
      }
      this.printTable(['What', 'Paused', 'Limits'], controls.map(rowOf))
    })
  }

  /** @returns null when nothing is to be set */
  #options(): LimitOptions | null {
    const cluster = wholeNumber('cluster', this.cluster)
    const node = wholeNumber('per-node', this.perNode)
    const key = wholeNumber('per-key', this.perKey)
    const bounds = { ...(cluster && { cluster }), ...(node && { node }), ...(key && { key }) }
    const isBounded = Object.keys(bounds).length > 0
    const sets = this.reset || isBounded || this.rate !== undefined
    if (this.handler === undefined) {
      if (sets) {
        throw new E_INVALID_FLAG(['handler', 'nothing', 'name the handler that is to be limited'])
      }
      return null
    }
    return {
      handler: this.handler,
      ...(isBounded && { concurrency: bounds }),
      ...(this.rate !== undefined && { rate: rateOf(this.rate) }),
      ...(this.reset && { reset: true }),
      ...(this.reason !== undefined && { reason: this.reason }),
      by: actor(),
    }
  }
}

function rateOf(value: string): { limit: number; per: string } {
  const [, limit, per] = /^(\d+)\/(.+)$/.exec(value) ?? []
  if (limit === undefined) {
    throw new E_INVALID_FLAG(['rate', value, 'give a number and a span, such as 100/1m'])
  }
  return { limit: Number(limit), per }
}

function rowOf(control: ControlRecord) {
  const { pausedAt, limits, declared } = control
  const holds: Partial<HandlerLimits> = { ...declared, ...limits }
  const words = [
    holds.cluster ? `${holds.cluster} in the cluster` : '',
    holds.node ? `${holds.node} a node` : '',
    holds.key ? `${holds.key} of a key` : '',
    holds.rate ? `${holds.rate.limit} in ${span(holds.rate.per)}` : '',
  ].filter((word) => word !== '')
  const paused = pausedAt === null ? '-' : pauseWords(control)
  return [controlName(control), paused, words.join(', ') || '-']
}
