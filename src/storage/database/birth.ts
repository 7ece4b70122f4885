import { E_STORAGE_UNAVAILABLE } from '../../errors.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { BirthResult, EnqueueResult, ExecutionStore } from '../contract.ts'
import { claimPatch, newExecution } from '../rules/new_records.ts'
import { BirthGate } from './birth_gate.ts'
import { Duplicates } from './duplicates.ts'
import { hashOrNull, insertExecutions, keyHolder } from './execution_rows.ts'
import { appendJournal } from './journal_store.ts'
import type { KnownControls } from './known_controls.ts'
import { insertChildren } from './workflow_births.ts'
import { first, instant, type Work } from './work.ts'

type EnqueueParams = Parameters<ExecutionStore['enqueue']>[0]
type BirthParams = Parameters<ExecutionStore['insertRunning']>[0]

/** Inserts queued executions with their children; where a key is taken, its holder's id is the answer. */
export async function enqueue(work: Work, params: EnqueueParams): Promise<EnqueueResult[]> {
  const now = await instant(work, params.now)
  const records = params.executions.map((input) => newExecution(input, now))
  const modes = params.executions.map(({ id, onDuplicate = 'skip' }) => [id, onDuplicate] as const)
  const duplicates = new Duplicates(work, now, new Map(modes))
  const results = await insertEach(work, records, (record) => duplicates.settle(record))
  const born = new Set(results.filter(({ inserted }) => inserted).map(({ id }) => id))
  await insertChildren(work, params.executions, born, now)
  if (params.journal && results.some(({ inserted }) => inserted)) {
    await appendJournal(work, [params.journal], now)
  }
  return results.map((result) => {
    const expired = duplicates.expired.get(result.id)
    return 'record' in result
      ? { id: result.id, inserted: true, ...(expired ? { expired } : {}) }
      : result
  })
}

/** Inserts executions that are running from birth, each for itself, as far as the controls let them. */
export async function insertRunning(
  work: Work,
  params: BirthParams,
  known: KnownControls
): Promise<BirthResult[]> {
  const now = await instant(work, params.now)
  const { executions } = params
  const gate = await BirthGate.open(work, known, params)
  const results: BirthResult[] = []
  // Mostly nothing is limited, and all go in together
  for (const batch of gate.limits ? executions.map((one) => [one]) : [executions]) {
    const records = batch.map((input) => {
      const queued = newExecution(input, now)
      return { ...queued, ...claimPatch(queued, params, now) }
    })
    results.push(...(await insertThrough(work, gate, records)))
  }
  await gate.close()
  return results
}

async function insertThrough(
  work: Work,
  gate: BirthGate,
  records: ExecutionRecord[]
): Promise<BirthResult[]> {
  const free = records.filter((record) => gate.lets(record))
  const births = await insertEach(work, free, (record) => conflictOf(work, record))
  const answers = new Map(free.map((record, index) => [record, births[index]]))
  return records.map((record): BirthResult => {
    const birth = answers.get(record)
    if (birth?.inserted) {
      gate.took(record)
      return { inserted: true, execution: birth.record }
    }
    return birth ?? { inserted: false, id: null, conflict: 'stopped' }
  })
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
): Promise<Extract<BirthResult, { id: string; inserted: false }> | null> {
  const same = await keyHolder(work, record)
  if (same !== null) {
    return { inserted: false, id: same, conflict: 'dedupe' }
  }
  const running = await first(work, 'select id from almanac_executions where running_key = ?', [
    hashOrNull(record.concurrencyKey, 'concurrencyKey'),
  ])
  return running && { inserted: false, id: String(running.id), conflict: 'concurrency' }
}
