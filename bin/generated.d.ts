/** What `npm run build` writes into build/commands: there is no source file to take its types from. */
declare module 'adonisjs-almanac/commands' {
  import type { BaseCommand } from '@adonisjs/core/ace'
  import type { CommandMetaData } from '@adonisjs/core/types/ace'

  export function getMetaData(): Promise<CommandMetaData[]>
  export function getCommand(metaData: CommandMetaData): Promise<typeof BaseCommand | null>
}
