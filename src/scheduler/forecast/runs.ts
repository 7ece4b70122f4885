import { setImmediate } from 'node:timers/promises'
import { collectDue, MAX_SLOTS, type NextSlot } from '../../loop/slot_search.ts'
import { refuseBroken } from '../../loop/slot_execution.ts'
import { jitterOf } from '../../triggers/jitter.ts'
import type { EventRecord } from '../../types/events.ts'
import type { Trigger } from '../../types/triggers.ts'

/** A slot of an event that lies ahead. */
export interface AheadSlot {
  at: number
  /** When its run may begin: later than the slot by its jitter. */
  availableAt: number
  event: EventRecord
}

export interface AheadSlots {
  /** In order of time. */
  slots: AheadSlot[]
  /** All slots before this instant are listed; the end of the window unless it was cut. */
  completeTo: number
  /** Events whose trigger could not be computed. */
  problems: { eventId: string; name: string; message: string }[]
}

interface Params {
  events: EventRecord[]
  next: (trigger: Trigger) => NextSlot
  from: number
  /** exclusive */
  to: number
  limit: number
}

/** Where one event stands on its way through the window. */
interface Course {
  event: EventRecord
  next: NextSlot
  slot: number | null
  /** Runs that maxRuns leaves. */
  left: number
}

/** The window is walked in steps of so many ms: between two of them others have their turn. */
const STEP = 3_600_000

/**
 * The slots of all events in a window, in order of time. When they are more
 * than the limit, the list ends at the last step that is whole, or within its
 * first step at the limit.
 */
export async function slotsAhead(params: Params): Promise<AheadSlots> {
  const { from, to, limit } = params
  const problems: AheadSlots['problems'] = []
  const courses = params.events.flatMap(
    (event) => guarded(event, problems, () => begin(event, params)) ?? []
  )
  const slots: AheadSlot[] = []
  for (let start = from; start < to; start += STEP) {
    const end = Math.min(to, start + STEP)
    const found = step(courses, { end, limit: limit - slots.length, problems })
    if (slots.length + found.length > limit) {
      const kept = slots.length === 0 ? found.slice(0, limit) : []
      const completeTo = kept.length > 0 ? found[kept.length].at : start
      return { slots: [...slots, ...kept], completeTo, problems }
    }
    slots.push(...found)
    await setImmediate()
  }
  return { slots, completeTo: to, problems }
}

function begin(event: EventRecord, { next: compile, from }: Params): Course {
  refuseBroken(event)
  const next = compile(event.trigger)
  const planned = event.nextRunAt
  const ahead = planned !== null && planned >= from
  const slot = ahead ? planned : next(from - 1)
  let left = event.maxRuns === null ? Number.POSITIVE_INFINITY : event.maxRuns - event.runCount
  if (planned !== null && !ahead && event.status === 'active' && left < MAX_SLOTS) {
    // What runs before the window takes its part
    left -= collectDue(next, planned, from - 1, left).slots.length
  }
  return { event, next, slot, left }
}

/** The slots before `end`, at most a few more than the limit. */
function step(
  courses: Course[],
  { end, limit, problems }: { end: number; limit: number; problems: AheadSlots['problems'] }
): AheadSlot[] {
  const found: AheadSlot[] = []
  for (const course of courses) {
    const { event } = course
    const own = guarded(event, problems, () => advance(course, end, limit + 1))
    if (own === null) {
      course.slot = null
    }
    found.push(...(own ?? []))
  }
  return found.sort((a, b) => a.at - b.at || (a.event.id < b.event.id ? -1 : 1))
}

function advance(course: Course, end: number, limit: number): AheadSlot[] {
  const { event, next } = course
  const slots: AheadSlot[] = []
  while (course.slot !== null && course.slot < end && course.left > 0 && slots.length < limit) {
    const at = course.slot
    const availableAt = at + jitterOf(event.trigger, event.id, at, next)
    slots.push({ at, availableAt, event })
    course.left--
    course.slot = next(at)
  }
  return slots
}

/** A trigger that cannot be computed stands in nobody's way. */
function guarded<T>(event: EventRecord, problems: AheadSlots['problems'], work: () => T): T | null {
  try {
    return work()
  } catch (error) {
    problems.push({ eventId: event.id, name: event.name, message: (error as Error).message })
    return null
  }
}
