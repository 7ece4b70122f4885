import type { ConfigReader } from '../../config/reader.ts'
import { readOptions, type BuiltInOptions } from '../options.ts'

export interface SqlInput {
  /** Connections of config/database.ts that may be used. */
  connections: string[]
  /** Statements by the name that payloads give; each text may hold several. */
  statements?: Record<string, string>
  /** Whether a payload may bring statements of its own. Default false. */
  allowText?: boolean
  options?: BuiltInOptions
}

export interface SqlConfig {
  connections: string[]
  statements: Map<string, string>
  allowText: boolean
  options: BuiltInOptions
}

/** @throws E_INVALID_CONFIG */
export function readSql(reader: ConfigReader): SqlConfig {
  const remedy = 'give a list of connections of config/database.ts'
  const connections = reader.texts('connections', remedy, (name) => name !== '')
  const config: SqlConfig = {
    connections: connections?.length ? connections : reader.refuse('connections', remedy),
    statements: readStatements(reader.section('statements')),
    allowText: reader.boolean('allowText', false),
    options: readOptions(reader),
  }
  reader.end()
  return config
}

function readStatements(section: ConfigReader): Map<string, string> {
  return new Map(
    section.keys().map((name) => {
      const sql = section.take(name)
      const fits = typeof sql === 'string' && sql.trim() !== ''
      return [name, fits ? sql : section.refuse(name, 'give the text of a statement')]
    })
  )
}
