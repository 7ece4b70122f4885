import type { ExecutionRecord } from '../../../src/types/executions.ts'
import type { AuditRow } from './audit.ts'

interface Replayed {
  /** Attempts that began while another of the same key went on. */
  overlaps: number
  takeovers: number
  /** Of those, where the lease had not ended by the database's clock. */
  earlyTakeovers: number
  attempts: number
  /** How often each execution succeeded. */
  successes: Map<string, number>
}

/** Goes through the database's own notes. */
export function replay(audit: AuditRow[]): Replayed {
  const holders = new Map<string, string>()
  const found: Replayed = {
    overlaps: 0,
    earlyTakeovers: 0,
    takeovers: 0,
    attempts: 0,
    successes: new Map(),
  }
  for (const row of audit) {
    const { id, concurrency_hash: key } = row
    if (row.state_from === 'running' && key !== null && holders.get(key) === id) {
      holders.delete(key)
    }
    if (row.state_to === 'running') {
      found.attempts++
      found.overlaps += key !== null && holders.has(key) ? 1 : 0
      if (key !== null) {
        holders.set(key, id)
      }
    }
    if (row.rescues_to > row.rescues_from) {
      found.takeovers++
      found.earlyTakeovers += Number(row.lease_from) > row.at ? 1 : 0
    }
    if (row.state_to === 'succeeded') {
      found.successes.set(id, (found.successes.get(id) ?? 0) + 1)
    }
  }
  return found
}

/** What was to be done and was not, and what was done more than once. */
export function reckon(
  expected: { slots: string[]; ids: string[] },
  succeeded: ExecutionRecord[],
  successes: Map<string, number>
): { lost: number; doubled: number } {
  const slots = Map.groupBy(succeeded, ({ slotKey }) => slotKey ?? '')
  const ids = new Set(succeeded.map(({ id }) => id))
  const twice = expected.slots.filter((slot) => (slots.get(slot)?.length ?? 0) > 1)
  const often = [...successes.values()].filter((count) => count !== 1)
  return {
    lost:
      expected.slots.filter((slot) => !slots.has(slot)).length +
      expected.ids.filter((id) => !ids.has(id)).length,
    doubled: twice.length + often.length,
  }
}
