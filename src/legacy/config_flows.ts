import { ConfigReader } from '../config/reader.ts'
import { columnsIn, STRATEGIES, type CheckpointSetting } from './checkpoints/strategy.ts'
import { readPattern, type MaprefPattern } from './config_patterns.ts'
import type { LogicKind } from './sql/logic_kind.ts'

export const LOGIC_KINDS = ['sql', 'plsql', 'python'] as const satisfies LogicKind[]

/** What config says of flows, by MAPREF. Of each key the first entry that matches and has it counts. */
export interface FlowInput {
  mapref: string | RegExp
  /** What DWLOGIC is, so that it is not looked at. */
  runner?: LogicKind
  /** How the position is kept, where the tables do not say it. */
  checkpoint?: CheckpointInput
}

export interface CheckpointInput {
  /** Default AUTO: KEY where a column is named, else PYTHON. */
  strategy?: CheckpointSetting['strategy']
  /** The key's column, or its columns. */
  column?: string | string[]
}

export interface FlowRule extends MaprefPattern {
  runner: LogicKind | null
  checkpoint: CheckpointSetting | null
}

/** @throws E_INVALID_CONFIG */
export function readFlows(reader: ConfigReader): FlowRule[] {
  const value = reader.take('flows') ?? []
  const entries: unknown[] = Array.isArray(value) ? value : reader.refuse('flows', 'give a list')
  return entries.map((each, index) => {
    const entry = new ConfigReader(each, `${reader.pathOf('flows')}[${index}]`)
    const rule: FlowRule = {
      ...readPattern(entry, 'mapref'),
      runner: entry.take('runner') === undefined ? null : entry.oneOf('runner', 'sql', LOGIC_KINDS),
      checkpoint:
        entry.take('checkpoint') === undefined ? null : readCheckpoint(entry.section('checkpoint')),
    }
    entry.end()
    return rule
  })
}

/** Of what the rules say the first that matches. */
export function firstOf<K extends 'runner' | 'checkpoint'>(
  rules: FlowRule[],
  mapref: string,
  key: K
): FlowRule[K] {
  const found = rules.find((rule) => rule[key] !== null && rule.matches(mapref))
  return found ? found[key] : null
}

function readCheckpoint(reader: ConfigReader): CheckpointSetting {
  const columns = readColumns(reader)
  const setting: CheckpointSetting = {
    strategy: reader.oneOf('strategy', 'AUTO', STRATEGIES),
    columns,
  }
  if (setting.strategy === 'KEY' && columns.length === 0) {
    reader.refuse('column', 'the strategy KEY needs the name of its column')
  }
  reader.end()
  return setting
}

function readColumns(reader: ConfigReader): string[] {
  const column = reader.take('column') ?? []
  const columns: unknown[] = Array.isArray(column) ? column : [column]
  const fits = columns.every((name) => typeof name === 'string' && name !== '')
  return fits
    ? (columns as string[]).flatMap(columnsIn)
    : reader.refuse('column', 'give the name of the column of the key, or a list of names')
}
