import { Cron } from 'croner'
import { compileTrigger } from '../src/triggers/main.ts'
import type { Trigger } from '../src/types/triggers.ts'

/** Computes slot after slot; answers `ms`. */
const { kind, slots } = JSON.parse(process.argv[2]) as { kind: string; slots: number }
const timezone = 'Europe/Berlin'
const EXPRESSION = '30 2 * * MON-FRI'
const FROM = Date.UTC(2026, 0, 1)

const TRIGGERS: Record<string, Trigger> = {
  cron: { kind: 'cron', expression: EXPRESSION, timezone },
  interval: { kind: 'interval', every: '15m' },
  calendar: { kind: 'calendar', unit: 'week', times: ['02:30'], timezone, anchor: '2026-01-05' },
  frequency: {
    kind: 'frequency',
    code: 'WK',
    day: 'MON',
    hour: 2,
    minute: 30,
    timezone,
    dialect: 'standard',
    shortMonths: 'skip',
    start: '2026-01-01T00:00',
    end: null,
  },
}

/** Starts over now and then, so that no kind runs into another century. */
function walk(next: (after: number) => number | null, count: number): void {
  let at = FROM
  for (let slot = 0; slot < count; slot++) {
    at = (slot % 500 === 0 ? null : next(at)) ?? FROM
  }
}

function engine(): (after: number) => number | null {
  if (kind === 'croner') {
    const cron = new Cron(EXPRESSION, { timezone, paused: true })
    return (after) => cron.nextRun(new Date(after))?.getTime() ?? null
  }
  const { next } = compileTrigger(TRIGGERS[kind])
  return (after) => next(after)
}

const next = engine()
walk(next, Math.ceil(slots / 5))
const began = performance.now()
walk(next, slots)
console.log(JSON.stringify({ ms: performance.now() - began }))
