import type { ControlRecord, HandlerLimits } from '../../types/controls.ts'
import type { JsonObject } from '../../types/json.ts'
import type { JournalKind, NewJournalEntry } from '../../types/journal.ts'
import type { ControlChange, ControlTarget } from '../contract.ts'

/** What the code or an operator says of a handler that is not limited. */
export const UNLIMITED: HandlerLimits = { cluster: null, node: null, key: null, rate: null }

export function newControl({ scope, name }: ControlTarget, now: number): ControlRecord {
  const nothing = { pausedAt: null, pausedBy: null, reason: null, limits: null, declared: null }
  return { scope, name, ...nothing, updatedAt: now }
}

/** @returns the record as it becomes; null when the change changes nothing */
export function changeControl(
  control: ControlRecord,
  change: ControlChange,
  by: string,
  now: number
): ControlRecord | null {
  const changed = changedBy(control, change, by, now)
  const same = changed === null || JSON.stringify(changed) === JSON.stringify(control)
  return same ? null : { ...changed, updatedAt: now }
}

function changedBy(
  control: ControlRecord,
  change: ControlChange,
  by: string,
  now: number
): ControlRecord | null {
  switch (change.kind) {
    case 'pause':
      // A second pause keeps the author and the instant of the first
      return control.pausedAt === null
        ? { ...control, pausedAt: now, pausedBy: by, reason: change.reason }
        : null
    case 'resume':
      return control.pausedAt === null
        ? null
        : { ...control, pausedAt: null, pausedBy: null, reason: null }
    case 'limit':
      return { ...control, limits: merged(control.limits, change.limits) }
    case 'declare':
      return { ...control, declared: change.limits && ordered(change.limits) }
  }
}

function merged(
  before: Partial<HandlerLimits> | null,
  given: Partial<HandlerLimits> | null
): Partial<HandlerLimits> | null {
  return given === null ? null : ordered({ ...before, ...given })
}

/** Fields in one order, so that equal limits are equal as JSON. */
function ordered<T extends Partial<HandlerLimits>>(limits: T): T {
  const { cluster, node, key, rate } = limits
  const all = { cluster, node, key, rate: rate && { limit: rate.limit, per: rate.per } }
  const given = Object.entries(all).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as T
}

/** What holds: what was set at run time, else what the code declares. */
export function limitsOf({ limits, declared }: ControlRecord): HandlerLimits {
  return { ...UNLIMITED, ...declared, ...limits }
}

/** Whether a claim of the handler has to look at what runs of it. */
export function isLimited(control: ControlRecord): boolean {
  return control.scope === 'handler' && (isBounded(control) || limitsOf(control).key !== null)
}

/** Whether the handler as a whole is limited, rather than each of its keys. */
function isBounded(control: ControlRecord): boolean {
  const { cluster, node, rate } = limitsOf(control)
  return cluster !== null || node !== null || rate !== null
}

/** Whether the record pauses or limits anything, or hides what the code declares. */
export function says({ pausedAt, limits, declared }: ControlRecord): boolean {
  return pausedAt !== null || limits !== null || declared !== null
}

const KINDS: Record<ControlChange['kind'], JournalKind> = {
  pause: 'control.paused',
  resume: 'control.resumed',
  limit: 'control.limited',
  declare: 'control.declared',
}

/** The journal row of a change: subject `<scope>:<name>`. */
export function controlEntry(
  before: ControlRecord,
  after: ControlRecord,
  change: ControlChange,
  by: string
): NewJournalEntry {
  const why = change.kind === 'limit' ? { reason: change.reason } : {}
  return {
    kind: KINDS[change.kind],
    actor: by,
    subject: subjectOf(after),
    before: facts(before, change),
    after: { ...facts(after, change), ...why },
  }
}

/** A subject has 255 characters, as long as a name alone may be. */
function subjectOf({ scope, name }: ControlTarget): string {
  return `${scope}:${name}`.slice(0, 255)
}

function facts(control: ControlRecord, { kind }: ControlChange): JsonObject {
  if (kind === 'limit' || kind === 'declare') {
    return { limits: { ...limitsOf(control) } } as unknown as JsonObject
  }
  const { pausedAt, pausedBy, reason } = control
  return { pausedAt, pausedBy, reason }
}
