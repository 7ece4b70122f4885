import type { ControlRecord, ControlScope, HandlerLimits } from '../../types/controls.ts'
import { isLimited, limitsOf } from './controls.ts'
import { rateRoom, type RateParts } from './rate.ts'

/** What the controls leave of a claim. */
export interface ClaimPlan {
  /** Handlers that are neither paused nor limited. */
  open: string[]
  /** Handlers of which, or of whose keys, only so many may run. */
  limited: string[]
  /** Those of the limited that have a rate. */
  rated: string[]
  /** How many of one concurrency key may run, of the limited handlers that say so. */
  keyed: Map<string, number>
  /** Queues that are paused. */
  pausedQueues: string[]
}

/** @returns null when nothing may be claimed at all */
export function claimPlan(
  controls: ControlRecord[],
  { handlers, node }: { handlers: string[]; node: string }
): ClaimPlan | null {
  const paused = (scope: ControlScope) =>
    controls.filter((each) => each.scope === scope && each.pausedAt !== null).map(nameOf)
  if (paused('all').length > 0 || paused('node').includes(nodeName(node))) {
    return null
  }
  const stopped = new Set(paused('handler'))
  const held = controls.filter(isLimited)
  const limited = new Set(held.map(nameOf))
  const rated = new Set(held.filter((each) => limitsOf(each).rate !== null).map(nameOf))
  const running = handlers.filter((name) => !stopped.has(name))
  return {
    open: running.filter((name) => !limited.has(name)),
    limited: running.filter((name) => limited.has(name)),
    rated: running.filter((name) => rated.has(name)),
    keyed: keyedOf(held),
    pausedQueues: paused('queue'),
  }
}

function keyedOf(controls: ControlRecord[]): Map<string, number> {
  const places = controls.map((control) => [control.name, limitsOf(control).key] as const)
  return new Map(places.filter((entry): entry is [string, number] => entry[1] !== null))
}

/** The name of a node without its boot: `<node>.<boot>`. */
export function nodeName(nodeId: string): string {
  return nodeId.slice(0, nodeId.lastIndexOf('.'))
}

/** Whether this is the node's id or name. */
export function isOfNode(nodeId: string | null, wanted: string): boolean {
  return nodeId !== null && (nodeId === wanted || nodeName(nodeId) === wanted)
}

/** What runs of a handler. */
export interface Running {
  cluster: number
  node: number
}

/** How many more of a handler may be claimed now. */
export function roomOf(
  { cluster, node, rate }: HandlerLimits,
  running: Running,
  parts: RateParts,
  now: number
): number {
  return Math.max(
    0,
    Math.min(
      cluster === null ? Infinity : cluster - running.cluster,
      node === null ? Infinity : node - running.node,
      rate === null ? Infinity : rateRoom(parts, rate, now)
    )
  )
}

/** Those that fit into what room there is, in their order; takes it. */
export function fitting<T>(
  found: T[],
  handlerOf: (item: T) => string,
  rooms: Map<string, number>
): T[] {
  return found.filter((item) => {
    const handler = handlerOf(item)
    const room = rooms.get(handler) ?? Infinity
    if (room > 0) {
      rooms.set(handler, room - 1)
    }
    return room > 0
  })
}

function nameOf({ name }: ControlRecord): string {
  return name
}
