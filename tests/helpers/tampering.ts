import type { QueryClientContract } from '@adonisjs/lucid/types/database'
import type { Tampering } from '../../src/testing/storage_suite/context.ts'

const COLUMNS: Record<keyof Tampering, string> = {
  priority: 'priority',
  status: 'status',
  trigger: 'trigger_def',
  nextRunAt: 'next_run_at',
  rowHash: 'row_hash',
}

/** Changes an event by plain SQL. */
export async function tamper(
  client: QueryClientContract,
  id: string,
  columns: Tampering
): Promise<void> {
  for (const [property, value] of Object.entries(columns)) {
    const column = COLUMNS[property as keyof Tampering]
    const stored = value !== null && typeof value === 'object' ? JSON.stringify(value) : value
    await client.rawQuery(`update almanac_events set ${column} = ? where id = ?`, [
      stored as string,
      id,
    ])
  }
}
