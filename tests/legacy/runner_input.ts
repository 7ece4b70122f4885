import type { RunnerInput } from '../../src/legacy/engine/runners/runner.ts'
import { emptyParams } from '../../src/legacy/params.ts'
import type { FlowRow } from '../../src/legacy/tables/job_flows.ts'
import type { ExecutionLogger, HandlerContext } from '../../src/types/handlers.ts'
import type { JsonValue } from '../../src/types/json.ts'

export function flowOf(dwlogic: string | null, mapref = 'FACT_SALES'): FlowRow {
  return {
    jobflwid: 3,
    jobid: 30,
    mapref,
    trgschm: 'MAIN',
    trgtbtyp: 'TBL',
    trgtbnm: 'T',
    dwlogic,
  }
}

/** What a runner is given, and what it did with it. */
export function inputFor(dwlogic: string | null, given: Partial<RunnerInput> = {}) {
  const seen = {
    logs: [] as string[],
    progress: [] as unknown[],
    saved: [] as JsonValue[],
    extended: [] as unknown[],
  }
  const log = (message: string) => void seen.logs.push(message)
  const logger: ExecutionLogger = { trace: log, debug: log, info: log, warn: log, error: log }
  const controller = new AbortController()
  const context = {
    payload: { source: 'dw', mapref: 'FACT_SALES' },
    execution: { id: 'e1' },
    attempt: 2,
    slot: 5,
    signal: controller.signal,
    logger,
    fencingToken: 9,
    checkpoint: { prcid: 7 },
    progress: (progress: unknown) => void seen.progress.push(progress),
    saveCheckpoint: async (value: JsonValue) => void seen.saved.push(value),
    extend: (duration: unknown) => void seen.extended.push(duration),
  } as unknown as HandlerContext
  const input: RunnerInput = {
    flow: flowOf(dwlogic),
    params: { ...emptyParams(), param1: '01-Mar-2026', param2: '3' },
    requestParams: {},
    checkpoint: { load: async () => null, save: async () => {}, complete: async () => {} },
    prcid: 7,
    sessionId: 42,
    mapref: 'FACT_SALES',
    signal: controller.signal,
    logger,
    context,
    ...given,
  }
  return { input, seen, controller }
}
