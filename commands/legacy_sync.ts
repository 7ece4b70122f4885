import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { LegacyAdapter } from '../src/legacy/adapter.ts'
import { LegacyCommand } from './_legacy.ts'

export default class LegacySync extends LegacyCommand {
  static override commandName = 'legacy:sync'
  static override description = 'Read the legacy schedule table once, and show what changed'
  static override help = [
    'Exit codes:',
    '  0  read; what changed is listed',
    '  1  could not be read (config, schema, database)',
    '  2  read, and some rows are at fault: they are listed',
  ]
  static override options: CommandOptions = { startApp: true }

  protected async work(source: LegacyAdapter): Promise<void> {
    const { added, changed, removed, unchanged, problems } = await source.sync()
    const difference = {
      added: added.map(({ name }) => name),
      changed: changed.map(({ after }) => after.name),
      removed: removed.map(({ name }) => name),
    }
    if (problems.length > 0) {
      this.exitCode = 2
    }
    this.print({ ...difference, unchanged, problems }, () => {
      for (const [what, names] of Object.entries(difference)) {
        names.forEach((name) => this.logger.log(`${what.padEnd(8)} ${name}`))
      }
      this.logger.log(`${unchanged} unchanged`)
      problems.forEach(({ message }) => this.logger.warning(message))
    })
  }
}
