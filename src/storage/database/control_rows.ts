import { hashKey } from '../../keys.ts'
import { parseJson, toJson } from '../../json.ts'
import type { ControlRecord } from '../../types/controls.ts'
import type { ControlTarget } from '../contract.ts'
import type { RateParts } from '../rules/rate.ts'
import { integer, json, RowMapper, text } from './row_mapper.ts'
import { inList, type Row, type Work } from './work.ts'

const mapper = new RowMapper<ControlRecord>('almanac_controls', {
  scope: text('scope'),
  name: text('name'),
  pausedAt: integer('paused_at'),
  pausedBy: text('paused_by'),
  reason: text('reason'),
  limits: json('limits'),
  declared: json('declared'),
  updatedAt: integer('updated_at'),
})

/** A control with what its handler has claimed of late. */
export interface ControlRow {
  key: string
  control: ControlRecord
  parts: RateParts
}

export function controlKey({ scope, name }: ControlTarget): string {
  return hashKey(JSON.stringify([scope, name]))
}

export async function controlRows(work: Work): Promise<ControlRow[]> {
  const rows = await work.all('select * from almanac_controls order by scope, name')
  return rows.map(toControl)
}

/** Locks rows that are there, in order of their keys. */
export async function lockControls(work: Work, targets: ControlTarget[]): Promise<ControlRow[]> {
  const list = inList(targets.map(controlKey).sort())
  const rows = await work.all(
    `select * from almanac_controls where control_key in ${list.sql}
      order by control_key ${work.dialect.lockRows}`,
    list.bindings
  )
  return rows.map(toControl)
}

/** Puts an empty row there where none is, so that it can be locked. */
export async function ensureControl(work: Work, control: ControlRecord): Promise<void> {
  const insert = mapper.insert({ control_key: controlKey(control), ...mapper.toRow(control) })
  await work.run(work.dialect.insertOrSkip(insert.sql, 'control_key'), insert.bindings)
}

export async function writeControl(work: Work, control: ControlRecord): Promise<void> {
  const { scope, name, ...columns } = control
  const update = mapper.update(mapper.toRow(columns))
  await work.run(`${update.sql} where control_key = ?`, [
    ...update.bindings,
    controlKey({ scope, name }),
  ])
}

export async function writeParts(work: Work, key: string, parts: RateParts): Promise<void> {
  await work.run('update almanac_controls set rate_parts = ? where control_key = ?', [
    toJson(parts, { field: 'rate_parts' }),
    key,
  ])
}

function toControl(row: Row): ControlRow {
  const control = mapper.toRecord(row)
  return { key: String(row.control_key), control, parts: readParts(row.rate_parts) }
}

export function readParts(value: unknown): RateParts {
  return parseJson<RateParts>((value ?? null) as string | null) ?? []
}
