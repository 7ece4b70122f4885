import { isOpen } from '../../executions/state.ts'
import { concurrencyKeyOf, executionOf, type ExecutionDefaults } from '../../loop/slot_execution.ts'
import type { Profiles } from '../../loop/slot_payload.ts'
import { slotKey } from '../../keys.ts'
import type { NextSlot } from '../../loop/slot_search.ts'
import type { NewExecution, RangeSplit, SlotRow } from '../../storage/contract.ts'
import type { EventRecord } from '../../types/events.ts'
import type { ExecutionState } from '../../types/executions.ts'
import type { ReadBackfill } from './options.ts'
import { isOfSeries, restOf } from './range_split.ts'

export interface BackfillInput {
  event: EventRecord
  /** The slots of the window that are decided, oldest first. */
  slots: number[]
  /** What stands for slots of the window. */
  rows: SlotRow[]
  next: NextSlot
  options: ReadBackfill
  /** The database's clock, epoch ms. */
  now: number
  newId: () => string
  defaults: ExecutionDefaults
  profiles: Profiles
}

export interface BackfillPlan {
  splits: RangeSplit[]
  /** Slots that are taken out of a range, and slots that never were. */
  executions: NewExecution[]
  /** All that is queued, in the order in which it is to run. */
  order: NewExecution[]
  /** Of `order`: slots that were missed, that never were, and that have run before. */
  missed: number
  created: number
  reruns: number
  /** Slots that stay as they are, by the state they are in. */
  left: Partial<Record<ExecutionState, number>>
}

/** The outcomes that `rerun: 'failed'` runs again. */
const FAILED: readonly ExecutionState[] = ['failed', 'timed_out', 'abandoned']

/** One slot that is to run: the row that it is taken from, or that it runs again. */
interface Pick {
  slot: number
  range: SlotRow | null
  rerunOf: string | null
}

/** Missed ranges, each with its slots of the window, those that have run after all included. */
type Members = Map<SlotRow, number[]>

/**
 * Decides what becomes of each slot of the window. Pure: what it found may
 * have moved when it is written, and the store then writes nothing.
 */
export function planBackfill(input: BackfillInput): BackfillPlan {
  const { rows, slots, options } = input
  const [missed, ran] = partition(rows, ({ state }) => state === 'missed')
  const series = { slots, index: new Map(slots.map((slot, at) => [slot, at])), next: input.next }
  const [own, foreign] = partition(missed, (row) => isOfSeries(row, series))
  const runs = Map.groupBy(ran, ({ slot }) => slot)
  const heldKeys = new Set(foreign.map((row) => row.slotKey))
  const left: BackfillPlan['left'] = {}
  const leave = (state: ExecutionState) => void (left[state] = (left[state] ?? 0) + 1)
  const members: Members = new Map(own.map((row) => [row, []]))
  const picks: Pick[] = []
  let turn = 0
  for (const slot of slots) {
    while (turn < own.length && own[turn].slotLast < slot) {
      turn++
    }
    const range = turn < own.length && own[turn].slot <= slot ? own[turn] : null
    if (range) {
      members.get(range)!.push(slot)
    }
    const found = runs.get(slot)
    if (found) {
      picks.push(...pickAgain(slot, found, options, leave))
    } else if (heldKeys.has(slotKey(input.event.id, slot))) {
      leave('missed')
    } else {
      picks.push({ slot, range, rerunOf: null })
    }
  }
  return { ...writes(input, picks, members), left }
}

function pickAgain(
  slot: number,
  runs: SlotRow[],
  { rerun }: ReadBackfill,
  leave: (state: ExecutionState) => void
): Pick[] {
  const run =
    runs.find(({ state }) => isOpen(state)) ??
    runs.find(({ state }) => state === 'succeeded') ??
    runs.at(-1)!
  const again = rerun === 'failed' ? FAILED.includes(run.state) : rerun
  if (isOpen(run.state) || !again) {
    leave(run.state)
    return []
  }
  return [{ slot, range: null, rerunOf: run.id }]
}

function writes(input: BackfillInput, picks: Pick[], members: Members): Omit<BackfillPlan, 'left'> {
  const ordered = input.options.order === 'newest' ? picks.toReversed() : picks
  const made = new Map(
    ordered.map((pick, turn) => [pick, executionFor(input, pick, turn, ordered.length)])
  )
  const splits: RangeSplit[] = []
  const inPlace = new Set<NewExecution>()
  const ofRanges = Map.groupBy(picks, ({ range }) => range)
  for (const [range, taken] of ofRanges) {
    if (range) {
      const split = splitRange(input, range, members.get(range)!, made.get(taken[0])!)
      splits.push(split)
      if (split.execution) {
        made.set(taken[0], split.execution)
        inPlace.add(split.execution)
      }
    }
  }
  const order = ordered.map((pick) => made.get(pick)!)
  const reruns = picks.filter(({ rerunOf }) => rerunOf !== null).length
  const missed = picks.filter(({ range }) => range !== null).length
  return {
    splits,
    executions: order.filter((execution) => !inPlace.has(execution)),
    order,
    missed,
    created: picks.length - missed - reruns,
    reruns,
  }
}

/** The row becomes the run of its first slot, unless slots before the window are left of it. */
function splitRange(
  input: BackfillInput,
  row: SlotRow,
  taken: number[],
  execution: NewExecution
): RangeSplit {
  const { before, after } = restOf(row, taken, input.next)
  const base = {
    id: row.id,
    expected: { first: row.slot, last: row.slotLast, count: row.slotCount },
    parts: after ? [{ ...after, id: input.newId() }] : [],
  }
  return before
    ? { ...base, keep: before, execution: null }
    : { ...base, keep: null, execution: { ...execution, id: row.id } }
}

function executionFor(
  { event, options, now, newId, defaults, profiles }: BackfillInput,
  { slot, rerunOf }: Pick,
  turn: number,
  count: number
): NewExecution {
  const key = slotKey(event.id, slot)
  const again = { slotKey: null, rerunOf, dedupeKey: `backfill:${key}` }
  return {
    ...executionOf(event, { id: newId(), defaults, profiles }),
    origin: 'backfill',
    slot,
    ...(rerunOf === null ? { slotKey: key } : again),
    priority: options.priority,
    // The events whose runs may overlap have as many keys as runs go at once
    concurrencyKey: concurrencyKeyOf(event) ?? `backfill:${event.id}:${turn % options.concurrency}`,
    // Rows that are queued in place keep their ids: only the instant puts them in order
    availableAt: now - count + turn,
  }
}

function partition<T>(items: T[], fits: (item: T) => boolean): [T[], T[]] {
  const groups = Map.groupBy(items, fits)
  return [groups.get(true) ?? [], groups.get(false) ?? []]
}
