import { rename, rm } from 'node:fs/promises'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { flags } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { Scheduler } from '../src/scheduler.ts'
import { AlmanacCommand } from './_base.ts'

export default class AlmanacExport extends AlmanacCommand {
  static override commandName = 'almanac:export'
  static override description = 'Write the definitions of all events as JSON Lines'
  static override help = [
    'Without --file the lines go to stdout. A file is replaced only once it is whole.',
    '',
    'Exit codes:',
    '  0  written, even when there are none',
    '  1  could not be written (file, flags, config, schema, database)',
  ]
  static override options: CommandOptions = { startApp: true }

  @flags.string({ description: 'File to write; default: stdout' })
  declare file?: string

  @flags.string({ description: 'Only of this source, such as code or api' })
  declare source?: string

  protected async perform(almanac: Scheduler): Promise<void> {
    const lines = almanac.export({ source: this.source })
    if (this.file === undefined) {
      for await (const line of lines) {
        this.logger.log(line)
      }
      return
    }
    const { file } = this
    const events = await this.onFile(file, () => write(lines, this.app.makePath(file)))
    this.print({ file, events }, () => this.logger.success(`Wrote ${events} events to ${file}`))
  }
}

/** @returns how many lines follow the header */
async function write(lines: AsyncIterable<string>, path: string): Promise<number> {
  const part = `${path}.part`
  let count = 0
  async function* counted() {
    for await (const line of lines) {
      count++
      yield `${line}\n`
    }
  }
  try {
    await pipeline(counted, createWriteStream(part))
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  return count - 1
}
