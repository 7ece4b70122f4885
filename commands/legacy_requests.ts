import { args, flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import { E_INVALID_FLAG } from '../src/errors.ts'
import type { LegacyAdapter } from '../src/legacy/adapter.ts'
import type { RequestDetails, RequestView } from '../src/legacy/facade/request_desk.ts'
import { span, utc } from './_base.ts'
import { oneOf, wholeNumber } from './_input.ts'
import { LegacyCommand } from './_legacy.ts'

const ACTIONS = ['list', 'show', 'retry', 'release'] as const

export default class LegacyRequests extends LegacyCommand {
  static override commandName = 'legacy:requests'
  static override description = 'List, show, retry or release rows of the legacy request table'
  static override help = [
    'list                the newest rows, with their age and who holds them, and how many',
    '                    of unknown types are left NEW (unknownTypes: leave)',
    'show <id>           one row with its payload and its result',
    'retry <id>          queues a FAILED row again',
    'release <id>        gives a CLAIMED row back to the queue, unless somebody may work on it',
    '',
    'Owners: live and dead are processes of this installation; foreign is another',
    'program, stale one that claimed the row more than 24 hours ago.',
    '',
    'Exit codes:',
    '  0  done',
    '  1  not done (no such row, its state, somebody works on it, config, database)',
  ]
  static override options: CommandOptions = { startApp: true }

  @args.string({ description: ACTIONS.join(', '), default: 'list' })
  declare action: string

  @args.string({ description: 'REQUEST_ID, for all but list', required: false })
  declare id?: string

  @flags.string({ description: 'Only with this STATUS, such as FAILED' })
  declare status?: string

  @flags.string({ description: 'Only of this REQUEST_TYPE' })
  declare type?: string

  @flags.string({ description: 'Only of this MAPREF' })
  declare mapref?: string

  @flags.number({ description: 'At most so many; default 100' })
  declare limit?: number

  @flags.boolean({ description: 'Release even what somebody may work on: it may then run twice' })
  declare force: boolean

  protected async work(source: LegacyAdapter): Promise<void> {
    const { requests } = source
    const action = oneOf('action', this.action, ACTIONS)!
    if (action === 'list') {
      return this.#list(source)
    }
    const id = this.id ?? refuseMissingId()
    if (action === 'show') {
      const request = await requests.show(id)
      return this.print(request, () => this.#show(request))
    }
    if (action === 'retry') {
      await requests.retry(id)
    } else {
      await requests.release(id, { force: this.force })
    }
    const request = await requests.show(id)
    this.print(request, () => this.logger.success(`Request "${id}" is ${request.status}`))
  }

  async #list(source: LegacyAdapter): Promise<void> {
    const { status, type, mapref } = this
    const limit = wholeNumber('limit', this.limit)
    const filter = { status, type, mapref, ...(limit && { limit }) }
    const requests = await source.requests.list(filter)
    const left = await source.countLeft()
    this.print({ requests, left }, () => {
      const head = ['Request', 'MAPREF', 'Type', 'Status', 'Age', 'Owner', 'Claimed by']
      this.printTable(head, requests.map(row))
      for (const [unknown, count] of Object.entries(left)) {
        this.logger.log(`${count} of the unknown type ${unknown} are left NEW to other programs`)
      }
    })
  }

  #show(request: RequestDetails): void {
    const { requestedAt, claimedAt, completedAt, payload, result } = request
    const [id, ...rest] = row(request)
    this.logger.log(`${id}  ${rest.join('  ')}`)
    this.logger.log(`Requested  ${utc(requestedAt)}`)
    this.logger.log(`Claimed    ${utc(claimedAt)}`)
    this.logger.log(`Completed  ${utc(completedAt)}`)
    this.logger.log(`Payload    ${payload ?? '-'}`)
    this.logger.log(`Result     ${result ?? '-'}`)
  }
}

function row({ requestId, mapref, type, status, age, owner, claimedBy }: RequestView): string[] {
  const old = age === null ? '-' : span(age)
  return [requestId, mapref, type, status, old, owner ?? '-', claimedBy ?? '-']
}

function refuseMissingId(): never {
  throw new E_INVALID_FLAG(['id', '', 'give the REQUEST_ID after the action'])
}
