import { flags } from '@adonisjs/core/ace'
import type { LegacyAdapter } from '../src/legacy/adapter.ts'
import type { RequestAnswer, WaitForRequest } from '../src/legacy/facade/request_queue.ts'
import { AlmanacCommand } from './_base.ts'
import { duration } from './_input.ts'

/** What the commands on a legacy source have in common. */
export abstract class LegacyCommand extends AlmanacCommand {
  @flags.string({ description: 'The legacy source; may be left out where there is only one' })
  declare source?: string

  protected abstract work(source: LegacyAdapter): Promise<void>

  protected override async perform(): Promise<void> {
    const legacy = await this.app.container.make('almanac.legacy')
    await this.work(legacy.source(this.source))
  }
}

const FAILED = 2
const NOT_OVER = 7

/** What the commands that queue a request have in common. */
export abstract class LegacyRequestCommand extends LegacyCommand {
  @flags.boolean({ description: 'Wait for the end, and exit by it' })
  declare wait: boolean

  @flags.string({ description: 'Longest wait, such as 30s or 10m; default: no limit' })
  declare timeout?: string

  protected get waiting(): WaitForRequest {
    return { wait: this.wait, timeout: duration('timeout', this.timeout) }
  }

  protected tell(mapref: string, answer: RequestAnswer): void {
    const { requestId, status, result } = answer
    if (this.wait && status !== 'DONE') {
      this.exitCode = status === 'FAILED' || status === 'GONE' ? FAILED : NOT_OVER
    }
    this.print(answer, () => {
      const why = result === null ? '' : `: ${JSON.stringify(result)}`
      const line = `"${mapref}" ${status} (request ${requestId})${why}`
      if (this.exitCode) {
        this.logger.error(line)
      } else {
        this.logger.success(line)
      }
    })
  }
}

/** Exit codes of a command that waits for its request. */
export const REQUEST_EXIT_CODES = [
  'Exit codes:',
  '  0  queued; with --wait: it is DONE',
  '  1  could not be queued (input, no active flow, config, database)',
  'With --wait also:',
  '  2  it FAILED, or its row was deleted',
  '  7  it was not over when the --timeout was',
]
