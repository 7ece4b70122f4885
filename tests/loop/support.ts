import type { DueEvent } from '../../src/storage/contract.ts'

export const START = Date.parse('2026-03-01T00:00:00Z')
export const SECOND = 1_000
export const MINUTE = 60_000

/** An event of a 1 s interval, due since `nextRunAt`. */
export function dueEvent(overrides: Partial<DueEvent> = {}): DueEvent {
  return {
    id: 'event-1',
    name: 'load',
    source: 'api',
    sourceKey: 'event-1',
    sourceHash: null,
    handler: 'load',
    payload: { table: 'sales' },
    profile: null,
    meta: null,
    subject: null,
    tags: [],
    trigger: { kind: 'interval', every: SECOND },
    status: 'active',
    statusBy: 'user',
    queue: null,
    priority: null,
    misfire: { policy: 'once', grace: MINUTE, cap: 100 },
    overlap: 'allow',
    onResume: 'skip',
    concurrencyKey: null,
    timeout: null,
    retries: null,
    maxRuns: null,
    nextRunAt: START,
    lastSlot: null,
    skippedSlot: null,
    openMissedId: null,
    openMissedReason: null,
    lastRunAt: null,
    lastOutcome: null,
    runCount: 0,
    failureCount: 0,
    consecutiveFailures: 0,
    createdAt: START,
    updatedAt: START,
    pausedAt: null,
    resumedAt: null,
    completedAt: null,
    cancelledAt: null,
    version: 1,
    rowHash: null,
    problem: null,
    openQueued: 0,
    openRunning: 0,
    foreign: null,
    ...overrides,
  }
}

/** Slots at every multiple of `every` ms, none after `until`. */
export function every(ms: number, until = Number.POSITIVE_INFINITY) {
  return (after: number) => {
    const slot = (Math.floor(after / ms) + 1) * ms
    return slot <= until ? slot : null
  }
}

/** Exactly these slots. */
export function only(...slots: number[]) {
  return (after: number) => slots.find((slot) => slot > after) ?? null
}

export function counter(prefix: string): () => string {
  let count = 0
  return () => `${prefix}${++count}`
}
