import { E_STORAGE_UNAVAILABLE } from '../../errors.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { BirthResult, EnqueueResult, ExecutionStore } from '../contract.ts'
import { claimPatch, newExecution } from '../rules/new_records.ts'
import { hashOrNull, insertExecutions, keyHolder } from './execution_rows.ts'
import { appendJournal } from './journal_store.ts'
import { first, instant, type Work } from './work.ts'

type EnqueueParams = Parameters<ExecutionStore['enqueue']>[0]
type BirthParams = Parameters<ExecutionStore['insertRunning']>[0]

/** Inserts queued executions; where a key is taken, its holder's id is the answer. */
export async function enqueue(work: Work, params: EnqueueParams): Promise<EnqueueResult[]> {
  const now = await instant(work, params.now)
  const records = params.executions.map((input) => newExecution(input, now))
  const results = await insertEach(work, records, async (record): Promise<EnqueueResult | null> => {
    const id = await keyHolder(work, record)
    return id === null ? null : { id, inserted: false }
  })
  if (params.journal && results.some(({ inserted }) => inserted)) {
    await appendJournal(work, [params.journal], now)
  }
  return results.map(({ id, inserted }) => ({ id, inserted }))
}

/** Inserts executions that are running from birth, each for itself. */
export async function insertRunning(work: Work, params: BirthParams): Promise<BirthResult[]> {
  const now = await instant(work, params.now)
  const records = params.executions.map((input) => {
    const queued = newExecution(input, now)
    return { ...queued, ...claimPatch(queued, params, now) }
  })
  const births = await insertEach(work, records, (record) => conflictOf(work, record))
  return births.map((birth) =>
    birth.inserted ? { inserted: true, execution: birth.record } : birth
  )
}

interface Born {
  inserted: true
  id: string
  record: ExecutionRecord
}

/** How often a row is inserted whose conflict is gone when it is looked for. */
const ATTEMPTS = 10

/**
 * Inserts the records, those of a batch together. For one that met a taken key
 * `conflict` says who holds it: null when that one ended meanwhile, and the
 * record is tried again.
 */
async function insertEach<Conflict>(
  work: Work,
  records: ExecutionRecord[],
  conflict: (record: ExecutionRecord) => Promise<Conflict | null>
): Promise<(Born | Conflict)[]> {
  const inserted = await insertExecutions(work, records)
  const results: (Born | Conflict)[] = []
  for (const record of records) {
    const { id } = record
    // An id that stands in the batch twice goes in once
    const born = inserted.delete(id) ? { inserted: true as const, id, record } : null
    results.push(born ?? (await settleConflict(work, record, conflict)))
  }
  return results
}

async function settleConflict<Conflict>(
  work: Work,
  record: ExecutionRecord,
  conflict: (record: ExecutionRecord) => Promise<Conflict | null>
): Promise<Born | Conflict> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const found = await conflict(record)
    if (found !== null) {
      return found
    }
    const again = await insertExecutions(work, [record])
    if (again.has(record.id)) {
      return { inserted: true, id: record.id, record }
    }
  }
  const why = `the keys of execution ${record.id} change hands all the time`
  throw new E_STORAGE_UNAVAILABLE(['executions.insert', why])
}

async function conflictOf(
  work: Work,
  record: ExecutionRecord
): Promise<Extract<BirthResult, { inserted: false }> | null> {
  const same = await keyHolder(work, record)
  if (same !== null) {
    return { inserted: false, id: same, conflict: 'dedupe' }
  }
  const running = await first(work, 'select id from almanac_executions where running_key = ?', [
    hashOrNull(record.concurrencyKey, 'concurrencyKey'),
  ])
  return running && { inserted: false, id: String(running.id), conflict: 'concurrency' }
}
