import type { ExecutionRecord } from '../../types/executions.ts'
import type { BirthResult, EnqueueResult, ExecutionStore } from '../contract.ts'
import { claimPatch, newExecution } from '../rules/new_records.ts'
import { hashOrNull, insertExecution, keyHolder } from './execution_rows.ts'
import { appendJournal } from './journal_store.ts'
import { first, instant, type Work } from './work.ts'

type EnqueueParams = Parameters<ExecutionStore['enqueue']>[0]
type BirthParams = Parameters<ExecutionStore['insertRunning']>[0]

/** Inserts queued executions; where a key is taken, its holder's id is the answer. */
export async function enqueue(work: Work, params: EnqueueParams): Promise<EnqueueResult[]> {
  const now = await instant(work, params.now)
  const results: EnqueueResult[] = []
  for (const input of params.executions) {
    const record = newExecution(input, now)
    const inserted = await insertExecution(work, record)
    const id = inserted ? record.id : (await keyHolder(work, record))!
    results.push({ id, inserted })
  }
  if (params.journal && results.some(({ inserted }) => inserted)) {
    await appendJournal(work, [params.journal], now)
  }
  return results
}

/** Inserts executions that are running from birth, each for itself. */
export async function insertRunning(work: Work, params: BirthParams): Promise<BirthResult[]> {
  const now = await instant(work, params.now)
  const results: BirthResult[] = []
  for (const input of params.executions) {
    const queued = newExecution(input, now)
    const record = { ...queued, ...claimPatch(queued, params, now) }
    results.push(
      (await insertExecution(work, record))
        ? { inserted: true, execution: record }
        : await conflictOf(work, record)
    )
  }
  return results
}

async function conflictOf(work: Work, record: ExecutionRecord): Promise<BirthResult> {
  const same = await keyHolder(work, record)
  if (same !== null) {
    return { inserted: false, id: same, conflict: 'dedupe' }
  }
  const running = await first(work, 'select id from almanac_executions where running_key = ?', [
    hashOrNull(record.concurrencyKey, 'concurrencyKey'),
  ])
  return { inserted: false, id: String(running!.id), conflict: 'concurrency' }
}
