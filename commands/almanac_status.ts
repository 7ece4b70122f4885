import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import type { AlmanacStatus } from '../src/scheduler/status.ts'
import type { ControlRecord } from '../src/types/controls.ts'
import { AlmanacCommand, utc } from './_base.ts'
import { controlName, pauseWords } from './_control_target.ts'

/** An event that is due for longer has no leader that fires it, ms. */
const OVERDUE = 60_000

export default class AlmanacStatusCommand extends AlmanacCommand {
  static override commandName = 'almanac:status'
  static override description = 'Show who leads, which nodes work, and what waits or failed'
  static override help = [
    'Exit codes:',
    '  0  nothing needs attention',
    '  1  the status could not be read (config, schema, database)',
    '  2  something needs attention: it is listed',
  ]
  static override options: CommandOptions = { startApp: true }

  protected async perform(almanac: Scheduler): Promise<void> {
    const status = await almanac.status()
    const attention = needs(status)
    this.print({ ...status, attention }, () => this.#show(status, attention))
    if (attention.length > 0) {
      this.exitCode = 2
    }
  }

  #show(status: AlmanacStatus, attention: string[]): void {
    const { leader, nodes, events, executions, paused, nextDueAt } = status
    this.logger.log(`Leader      ${leader ? `${leader.node} (term ${leader.term})` : 'none'}`)
    this.logger.log(`Next slot   ${utc(nextDueAt)}`)
    this.logger.log(`Events      ${counts(events)}`)
    this.logger.log(`Executions  ${counts(executions)}`)
    paused.forEach((control) => this.logger.log(`Paused      ${pauseText(control)}`))
    if (nodes.length > 0) {
      const rows = nodes.map(({ id, host, pid, startedAt, seenAt }) => {
        return [id, host, String(pid), utc(startedAt), utc(seenAt)]
      })
      this.printTable(['Node', 'Host', 'Process', 'Since', 'Seen'], rows)
    }
    attention.forEach((line) => this.logger.warning(line))
  }
}

function needs(status: AlmanacStatus): string[] {
  const { unknownHandlers, problems, paused, nextDueAt, nodes, executions } = status
  const firing = !paused.some(({ scope }) => scope === 'all')
  const lines = unknownHandlers.map(
    ({ handler, count }) => `${count} queued for "${handler}", which no handler here is named`
  )
  lines.push(...problems.map(({ part, message }) => `${part}: ${message}`))
  if (firing && nextDueAt !== null && nextDueAt < status.at - OVERDUE) {
    lines.push(`Nothing fires: an event is due since ${utc(nextDueAt)}`)
  }
  if (nodes.length === 0 && (executions.queued ?? 0) > 0) {
    lines.push(`No node works, and ${executions.queued} executions are queued`)
  }
  return lines
}

/** What is paused, since when, by whom and why. */
function pauseText(control: ControlRecord): string {
  return `${controlName(control)} since ${pauseWords(control)}`
}

function counts(values: Partial<Record<string, number>>): string {
  const parts = Object.entries(values).filter(([, count]) => count)
  return parts.map(([name, count]) => `${count} ${name.replace('_', ' ')}`).join(', ') || 'none'
}
