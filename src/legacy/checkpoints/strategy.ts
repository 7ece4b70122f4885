import { E_CHECKPOINT } from '../../errors.ts'
import type { TextLimit } from '../text_cut.ts'

export const STRATEGIES = ['AUTO', 'KEY', 'PYTHON', 'NONE'] as const

/** As CHKPNTSTRTGY and config say it. */
export type CheckpointStrategy = (typeof STRATEGIES)[number]

/** How a flow's position is kept, as DWMAPR or config says it. */
export interface CheckpointSetting {
  strategy: CheckpointStrategy
  /** Names of the key's columns; [] where none is named. */
  columns: string[]
}

/**
 * What a position is.
 *
 * - `none`: nothing is kept
 * - `key`: the values of these columns
 * - `rows`: a number of rows
 * - `any`: nobody said; a text, or a number as a text
 */
export type CheckpointPlan =
  { kind: 'none' } | { kind: 'key'; columns: string[] } | { kind: 'rows' } | { kind: 'any' }

/** A key, the parts of a composite one, or a number of rows. */
export type CheckpointValue = string | number | (string | number)[]

/** What PARAM1 says of a run that has nothing to go on with. */
export const COMPLETED = 'COMPLETED'
const JOINT = '|'

/** AUTO is KEY where a column is named, else PYTHON. */
export function planOf(setting: CheckpointSetting | null): CheckpointPlan {
  if (setting === null) {
    return { kind: 'any' }
  }
  const { strategy, columns } = setting
  if (strategy === 'NONE') {
    return { kind: 'none' }
  }
  const isKey = strategy === 'KEY' || (strategy === 'AUTO' && columns.length > 0)
  return isKey ? { kind: 'key', columns } : { kind: 'rows' }
}

/** The names in CHKPNTCLNM: one, or several with a comma or a "|" between them. */
export function columnsIn(text: string | null): string[] {
  return (text ?? '')
    .split(/[,|]/)
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

/**
 * A position as PARAM1 keeps it.
 *
 * @throws E_CHECKPOINT for a value that does not fit its plan, or would not come back as it was
 */
export function renderPosition(
  value: unknown,
  plan: Exclude<CheckpointPlan, { kind: 'none' }>,
  limit: TextLimit | null
): string {
  const text = plan.kind === 'rows' ? rowsIn(value) : partsOf(value, plan).map(partIn).join(JOINT)
  const length = limit?.unit === 'bytes' ? Buffer.byteLength(text) : [...text].length
  if (limit && length > limit.length) {
    throw new E_CHECKPOINT([shown(value), `PARAM1 holds ${limit.length} ${limit.unit}; save less`])
  }
  if (text === COMPLETED) {
    throw new E_CHECKPOINT([shown(value), 'it means that the work is done; call complete()'])
  }
  return text
}

/** What a stored position is for whoever goes on from it. */
export function readPosition(text: string, plan: CheckpointPlan): CheckpointValue | null {
  switch (plan.kind) {
    case 'none':
      return null
    case 'key':
      return plan.columns.length > 1 ? text.split(JOINT) : text
    case 'rows':
      return /^\d{1,15}$/.test(text) ? Number(text) : notRows(text)
    case 'any':
      return text
  }
}

function notRows(text: string): never {
  throw new E_CHECKPOINT([
    shown(text),
    'the last run left it in PARAM1, and it is no number of rows; correct the row, or name the key column of the flow',
  ])
}

function rowsIn(value: unknown): string {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    const remedy = 'save a number of rows, or name the key column (CHKPNTCLNM, or config flows)'
    throw new E_CHECKPOINT([shown(value), remedy])
  }
  return String(value)
}

function partsOf(value: unknown, plan: { kind: 'key'; columns: string[] } | { kind: 'any' }) {
  const parts: unknown[] = Array.isArray(value) ? value : [value]
  const count = plan.kind === 'key' ? Math.max(1, plan.columns.length) : 1
  if (parts.length !== count) {
    const names = plan.kind === 'key' ? ` (${plan.columns.join(', ')})` : ''
    throw new E_CHECKPOINT([shown(value), `the key has ${count} part(s)${names}; give as many`])
  }
  // Only a key of several parts is cut at the joint again
  return parts.map((part) => ({ part, joined: count > 1 }))
}

function partIn({ part, joined }: { part: unknown; joined: boolean }): string {
  const isText = typeof part === 'string' && part !== ''
  if (!isText && !(typeof part === 'number' && Number.isFinite(part))) {
    throw new E_CHECKPOINT([shown(part), 'a part of a key is a text or a number'])
  }
  const text = String(part)
  if (joined && text.includes(JOINT)) {
    throw new E_CHECKPOINT([shown(part), `a part of a composite key must not contain "${JOINT}"`])
  }
  return text
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60).toWellFormed()
}
