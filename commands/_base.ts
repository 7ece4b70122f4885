import { BaseCommand, flags } from '@adonisjs/core/ace'
import { Exception } from '@adonisjs/core/exceptions'
import type { Scheduler } from '../src/scheduler.ts'
import type { EventRecord } from '../src/types/events.ts'
import { E_AMBIGUOUS_EVENT, E_EVENT_NOT_FOUND, E_INVALID_FLAG } from '../src/errors.ts'

/**
 * What every command of the package has in common: it parses, calls the
 * facade and prints, for people or (`--json`) for programs.
 */
export abstract class AlmanacCommand extends BaseCommand {
  @flags.boolean({ description: 'Print JSON on stdout; instants are epoch ms (UTC)' })
  declare json: boolean

  /** Does the work; what it throws becomes exit code 1. */
  protected abstract perform(almanac: Scheduler): Promise<void>

  override async run(): Promise<void> {
    await this.guarded(async () => this.perform(await this.app.container.make('almanac')))
  }

  /** Runs the work and tells a refusal (not a bug) without a stack. */
  protected async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof Exception)) {
        throw error
      }
      this.exitCode = 1
      this.#tell(error)
    }
  }

  /**
   * Work on a file that the caller named.
   *
   * @throws E_INVALID_FLAG when the file cannot be opened
   */
  protected async onFile<T>(file: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const { path, message } = error as NodeJS.ErrnoException
      if (path === undefined || error instanceof Exception) {
        throw error
      }
      throw new E_INVALID_FLAG(['file', file, message], { cause: error })
    }
  }

  /** One JSON document, or what `people` prints. */
  protected print(value: unknown, people: () => void): void {
    if (this.json) {
      this.logger.log(JSON.stringify(value))
    } else {
      people()
    }
  }

  protected printTable(head: string[], rows: string[][]): void {
    const table = this.ui.table()
    table.head(head)
    rows.forEach((row) => table.row(row))
    table.render()
  }

  /**
   * An event by its id, or by its name when only one source has it.
   *
   * @throws E_EVENT_NOT_FOUND, E_AMBIGUOUS_EVENT
   */
  protected async findEvent(almanac: Scheduler, reference: string): Promise<EventRecord> {
    const byId = await almanac.events.find(reference)
    if (byId) {
      return byId
    }
    const near = await almanac.events.list({ text: reference })
    const named = near.filter(({ name }) => name === reference)
    if (named.length > 1) {
      const ids = named.map(({ id, source }) => `${id} (${source})`).join(', ')
      throw new E_AMBIGUOUS_EVENT([reference, ids])
    }
    if (named.length === 0) {
      throw new E_EVENT_NOT_FOUND([reference])
    }
    return named[0]
  }

  #tell({ code, message, help }: Exception): void {
    if (this.json) {
      this.logger.log(JSON.stringify({ error: { code, message, help } }))
      return
    }
    this.logger.error(message)
    if (help) {
      this.logger.error(help)
    }
  }
}

/** Who does it, for the journal. */
export function actor(): string {
  return process.env.USER || 'command line'
}

/** An instant for people: UTC, whole seconds. */
export function utc(ms: number | null): string {
  return ms === null ? '-' : `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** The same instant on the clocks of a zone. */
export function inZone(ms: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  return `${format.format(ms)} ${timeZone}`
}

/** A duration for people. */
export function span(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}
