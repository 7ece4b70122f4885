import type { FileSystem } from '@japa/file-system'
import type { BaseCommand } from '@adonisjs/core/ace'
import type { HandlerContext } from '../../src/types/handlers.ts'
import { bootApp, type AppOptions } from '../provider/app.ts'

/** An app with a few handlers, whose commands are run and whose output is kept. */
export async function setup(fs: FileSystem, options: AppOptions = {}) {
  const booted = await bootApp(fs, options)
  await booted.start()
  const { app, almanac } = booted
  almanac.register('echo', ({ payload }: HandlerContext) => payload)
  almanac.register('fail', () => {
    throw new Error('it broke')
  })
  const ace = await app.container.make('ace')
  ace.ui.switchMode('raw')

  async function run<T extends typeof BaseCommand>(Command: T, argv: string[] = []) {
    const before = ace.ui.logger.getLogs().length
    const command = await ace.create(Command, argv)
    await command.exec()
    const logs = ace.ui.logger.getLogs().slice(before)
    const lines = logs.map(({ message }) => message)
    return {
      command,
      exitCode: command.exitCode,
      lines,
      text: lines.join('\n'),
      /** What `--json` printed: one document. */
      json: () => JSON.parse(lines.at(-1) ?? '') as never,
    }
  }

  const minutely = { kind: 'interval', every: '1m' } as const
  const createEvent = (name: string, handler = 'echo') =>
    almanac.events.create({ name, handler, payload: { name }, trigger: minutely })
  return { ...booted, run, createEvent }
}
