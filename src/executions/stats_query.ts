import { instant, object, oneOf, refuseOthers } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { toIso } from '../triggers/instant.ts'
import { OUTCOMES, type Outcome } from '../types/executions.ts'
import type { StatsFilter } from '../storage/contract.ts'
import type { Instant } from '../types/json.ts'

const DAY = 86_400_000
const TEXTS = ['handler', 'event', 'subject', 'node'] as const
const NAMES = [...TEXTS, 'outcome', 'from', 'to'] as const

export interface StatsQuery {
  /** Default: six days before `to`. Whole UTC days are read. */
  from?: Instant
  /** Default: now. */
  to?: Instant
  handler?: string
  /** Id of an event. */
  event?: string
  subject?: string
  outcome?: Outcome
  /** Name of the node that ran the last attempt. */
  node?: string
}

/**
 * Reads what statistics are asked for; null stands for left out.
 *
 * @param now epoch ms
 * @throws E_INVALID_INPUT with every problem at once
 */
export function readStatsQuery(query: unknown, now: number): StatsFilter {
  const problems = new Problems()
  const { report } = problems
  const given = object('query', query, 'give an object, or leave it out', report)
  refuseOthers('', given, NAMES, report)
  const isGiven = (name: string) => given[name] !== undefined && given[name] !== null
  const texts = Object.fromEntries(TEXTS.filter(isGiven).map((name) => [name, given[name]]))
  for (const [name, value] of Object.entries(texts)) {
    if (typeof value !== 'string') {
      report(name, value, 'give a text')
    }
  }
  const { event: eventId, ...filter } = texts as Record<string, string>
  const outcome = isGiven('outcome') ? oneOf('outcome', given.outcome, OUTCOMES, report) : undefined
  const to = isGiven('to') ? instant('to', given.to, report) : now
  const from = isGiven('from') ? instant('from', given.from, report) : (to ?? now) - 6 * DAY
  if (from !== undefined && to !== undefined && from > to) {
    report('from', given.from, 'it lies after "to"; give an instant before it')
  }
  problems.throwAny('What statistics are asked for')
  return { ...filter, eventId, outcome, from: dayOf(from!), to: dayOf(to!) }
}

function dayOf(at: number): string {
  return toIso(at).slice(0, 10)
}
