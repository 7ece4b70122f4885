import { readConcurrency, readRate } from '../jobs/limit_options.ts'
import { MAX_TEXT, object, refuseOthers, text, type Report } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import type { ControlTarget } from '../storage/contract.ts'
import type { HandlerLimits } from '../types/controls.ts'
import type { Duration } from '../duration.ts'
import { author, type Author } from './author.ts'

/** What is meant: exactly one of the four. A node by its name, without its boot. */
export type Target = { all: true } | { queue: string } | { handler: string } | { node: string }

export type PauseOptions = Target & {
  /** Why, for whoever finds it paused. */
  reason?: string
  /** Who, for the journal. Default `system`. */
  by?: string
}

export type ResumeOptions = Target & { by?: string }

export interface LimitOptions {
  handler: string
  /** Executions at once: in the cluster, on each node, of each concurrency key. null = no bound, of a key one. */
  concurrency?: { cluster?: number | null; node?: number | null; key?: number | null }
  /** At most `limit` begin within any span of `per`. null = no bound. */
  rate?: { limit: number; per: Duration } | null
  /** Takes back what was set at run time: what the code declares holds again. */
  reset?: boolean
  reason?: string
  by?: string
}

const SCOPES = ['all', 'queue', 'handler', 'node'] as const

export interface ReadTarget extends Author {
  target: ControlTarget
}

/** @throws E_INVALID_INPUT with every problem at once */
export function readTarget(verb: 'pause' | 'resume', options: unknown): ReadTarget {
  const problems = new Problems()
  const { report } = problems
  const remedy = `name one of them, such as { queue: 'loads' }, or { all: true }`
  const given = object('options', options, remedy, report)
  const known = [...SCOPES, ...(verb === 'pause' ? ['reason', 'by'] : ['by'])]
  refuseOthers('', given, known, report)
  const named = SCOPES.filter((scope) => given[scope] !== undefined && given[scope] !== null)
  if (given === options && named.length !== 1) {
    const what =
      named.length === 0 ? 'nothing is named' : `${named.join(' and ')} are named at once`
    report('options', options, `${what}; ${remedy}`)
  }
  const target = named.length === 1 ? targetOf(named[0], given[named[0]], report) : null
  const { reason, by } = author(given, report)
  problems.throwAny(verb === 'pause' ? 'The pause' : 'The end of the pause')
  return { target: target!, reason, by }
}

function targetOf(scope: (typeof SCOPES)[number], value: unknown, report: Report): ControlTarget {
  if (scope !== 'all') {
    return { scope, name: text(scope, value, MAX_TEXT, report) ?? '' }
  }
  if (value !== true) {
    report('all', value, 'write true, or name a queue, a handler or a node')
  }
  return { scope, name: '*' }
}

export interface ReadLimit extends Author {
  handler: string
  limits: Partial<HandlerLimits> | null
}

/** @throws E_INVALID_INPUT with every problem at once */
export function readLimit(options: unknown): ReadLimit {
  const problems = new Problems()
  const { report } = problems
  const remedy = `name a handler and a limit, such as { handler: 'load', concurrency: { cluster: 2 } }`
  const given = object('options', options, remedy, report)
  refuseOthers('', given, ['handler', 'concurrency', 'rate', 'reset', 'reason', 'by'], report)
  const handler = text('handler', given.handler, MAX_TEXT, report) ?? ''
  const { reset } = given
  if (reset !== undefined && typeof reset !== 'boolean') {
    report('reset', reset, 'write true, or leave it out')
  }
  const sets = given.concurrency !== undefined || given.rate !== undefined
  if (given === options && sets === (reset === true)) {
    const what = sets ? 'a limit and reset are given at once' : 'no limit is given'
    report('options', options, `${what}; give concurrency, rate or both, or reset: true`)
  }
  const limits = {
    ...(given.concurrency === undefined
      ? {}
      : readConcurrency('concurrency', given.concurrency, report)),
    ...(given.rate === undefined ? {} : { rate: readRate(given.rate, report) }),
  }
  const { reason, by } = author(given, report)
  problems.throwAny('The limit')
  return { handler, limits: reset === true ? null : limits, reason, by }
}
