import { args, BaseCommand } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import { stubsRoot } from '../stubs/main.ts'

export default class MakeHandler extends BaseCommand {
  static override commandName = 'make:handler'
  static override description = 'Create a handler: the code that an event or enqueue() runs'
  static override help = [
    'Exit codes:',
    '  0  written, or the file was there already',
    '  1  could not be written',
  ]
  static override options: CommandOptions = { allowUnknownFlags: true }

  @args.string({ description: 'Name of the handler, such as send_report' })
  declare name: string

  override async run(): Promise<void> {
    const codemods = await this.createCodemods()
    await codemods.makeUsingStub(stubsRoot, 'make/handler/main.stub', {
      flags: this.parsed.flags,
      entity: this.app.generators.createEntity(this.name),
    })
  }
}
