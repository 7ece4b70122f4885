import { E_INVALID_FLAG } from '../src/errors.ts'
import type { Target } from '../src/scheduler/controls.ts'
import type { ControlRecord } from '../src/types/controls.ts'
import { utc } from './_base.ts'

export interface TargetFlags {
  event?: string
  all?: boolean
  queue?: string
  handler?: string
  node?: string
}

/**
 * What the flags of a pause name, null for an event.
 *
 * @throws E_INVALID_FLAG unless exactly one thing is named
 */
export function controlTarget(flags: TargetFlags): Target | null {
  const { event, all, queue, handler, node } = flags
  const given = Object.entries({ event, all: all || undefined, queue, handler, node }).filter(
    ([, value]) => value !== undefined
  )
  if (given.length !== 1) {
    const names = given.map(([name]) => name).join(', ')
    const remedy = 'name one thing: an event, --queue, --handler, --node or --all'
    throw new E_INVALID_FLAG(['all', names === '' ? 'nothing named' : names, remedy])
  }
  const [[name, value]] = given
  return name === 'event' ? null : ({ [name]: value } as Target)
}

/** For people. */
export function targetText(target: Target): string {
  const [[scope, name]] = Object.entries(target)
  return scope === 'all' ? 'everything' : `${scope} "${name}"`
}

/** What a stored pause or limit holds for, for people. */
export function controlName({ scope, name }: ControlRecord): string {
  return scope === 'all' ? 'everything' : `${scope} ${name}`
}

/** Since when it is paused, by whom and why, for people. */
export function pauseWords({ pausedAt, pausedBy, reason }: ControlRecord): string {
  return `${utc(pausedAt)} by ${pausedBy}: ${reason ?? 'no reason'}`
}
