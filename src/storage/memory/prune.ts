import type { ExecutionRecord } from '../../types/executions.ts'
import type { PruneRule } from '../contract.ts'
import { compare, type MemoryTables } from './tables.ts'

/** Deletes ended executions that one rule does not keep, oldest first. */
export function prune(tables: MemoryTables, rule: PruneRule, limit: number, now: number): number {
  const covered = [...tables.executions.values()].filter((row) => covers(rule, row))
  const beyond = beyondCount(rule, covered)
  const doomed = covered
    .filter((row) => {
      const old = rule.age !== null && row.finishedAt! < now - rule.age
      return tables.rolledUp.has(row.id) && (old || beyond.has(row.id))
    })
    .sort((a, b) => a.finishedAt! - b.finishedAt! || compare(a.id, b.id))
    .slice(0, limit)
  doomed.forEach((row) => tables.remove(row))
  return doomed.length
}

function covers(rule: PruneRule, row: ExecutionRecord): boolean {
  return (
    row.state === rule.outcome &&
    (rule.handler === null || row.handler === rule.handler) &&
    (rule.eventId === null || row.eventId === rule.eventId) &&
    !(rule.exceptHandlers ?? []).includes(row.handler) &&
    !(row.eventId !== null && (rule.exceptEvents ?? []).includes(row.eventId))
  )
}

/** Ids of the rows behind the newest `count` of each event, or handler where there is no event. */
function beyondCount(rule: PruneRule, rows: ExecutionRecord[]): Set<string> {
  const beyond = new Set<string>()
  if (rule.count === null) {
    return beyond
  }
  const seen = new Map<string, number>()
  const newestFirst = [...rows].sort((a, b) => b.finishedAt! - a.finishedAt! || compare(b.id, a.id))
  for (const row of newestFirst) {
    const group = row.eventId === null ? `handler ${row.handler}` : `event ${row.eventId}`
    const position = (seen.get(group) ?? 0) + 1
    seen.set(group, position)
    if (position > rule.count) {
      beyond.add(row.id)
    }
  }
  return beyond
}
