import type { Storage } from '../../../src/storage/contract.ts'
import type { ExecutionRecord } from '../../../src/types/executions.ts'

const PAGE = 1_000

/** Every execution of a store. */
export async function allExecutions(storage: Storage): Promise<ExecutionRecord[]> {
  const all: ExecutionRecord[] = []
  for (;;) {
    const page = await storage.executions.list({ limit: PAGE, before: all.at(-1)?.id })
    all.push(...page)
    if (page.length < PAGE) {
      return all
    }
  }
}

/** Collects the faults of one subject. */
export function maybe(faults: string[], subject: string) {
  return (wrong: boolean, what: string): void => {
    if (wrong) {
      faults.push(`${subject}: ${what}`)
    }
  }
}
