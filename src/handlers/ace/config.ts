import type { ConfigReader } from '../../config/reader.ts'
import { readChild, type ChildConfig, type ChildInput } from '../process/config.ts'

export interface AceInput extends ChildInput {
  /** Names of the commands that may run. */
  commands: string[]
}

export interface AceConfig extends ChildConfig {
  commands: string[]
}

const NAME = /^[a-z][\w:.-]*$/i

/** @throws E_INVALID_CONFIG */
export function readAce(reader: ConfigReader): AceConfig {
  const remedy = 'give a list of names of commands, such as "cache:clear"'
  const commands = reader.texts('commands', remedy, (name) => NAME.test(name))
  const config = { ...readChild(reader), commands: commands ?? reader.refuse('commands', remedy) }
  reader.end()
  return config
}
