import type { AlmanacOptions } from '../../../src/types/config.ts'
import type { PythonInput } from '../../../src/legacy/engine/runners/python/config.ts'
import type { EngineTarget } from './engine.ts'
import type { StoreTarget, WarehouseTarget } from './databases.ts'

/** Where a node of the crash tests can be told to die, in the order of a run. */
export const POINTS = [
  'between two batches of a fire',
  'after claim',
  'after claim from the own queue',
  'after insertRunning',
  'after IP',
  'inside an atomic flow',
  'inside an idempotent flow',
  'inside another flow',
  'after the legacy commit',
  'before our settle',
] as const

/** Where a leader can be told to die in a tick. */
export const TICK_POINTS = [
  'tick: before it lists',
  'tick: after it listed',
  'tick: before it fires',
  'tick: after it fired',
  'tick: after it looked ahead',
] as const

export type CrashPoint = (typeof POINTS)[number] | (typeof TICK_POINTS)[number]

/** The process kills itself with SIGKILL when it reaches the point for the `count`th time. */
export interface ArmedPoint {
  point: CrashPoint
  count: number
}

/** What a node is told on the first line of its standard input. */
export interface NodeOptions {
  config: AlmanacOptions & { node: string }
  store: StoreTarget
  /** Where there are legacy tables to work on. */
  warehouse?: WarehouseTarget
  /** ms between two looks at the request table. Default 100. */
  pollInterval?: number
  /** How flows in Python are run. Default: not at all. */
  python?: PythonInput
  crash?: ArmedPoint[]
  /** Where another engine runs the queues that config gives to it; the node is one of its workers. */
  engine?: EngineTarget
  /** Handlers have a process of their own for each attempt; those that measure have not. */
  isolated?: boolean
  /** ms that this node takes its wall clock to be ahead; its machine's is right. */
  skew?: number
}

/** What a node tells on its standard output, one JSON object per line. */
export type Report =
  | { kind: 'loaded' }
  /** `now` is the wall clock of its machine, epoch ms. */
  | { kind: 'working'; nodeId: string; now: number }
  /** The start failed, and the process ends. */
  | { kind: 'failed'; code: string; message: string }
  | { kind: 'crash'; point: CrashPoint }
  | { kind: 'problem'; level: 'warn' | 'error'; message: string; detail: string }
  /** A run was over; its bounds are of this machine's clock, ms with fractions. */
  | { kind: 'ran'; id: string; handler: string; key: string | null; from: number; to: number }
  /** The first writes after a freeze, with the attempts that were held before it. */
  | { kind: 'thawed'; after: number; holds: LateWrites[] }
  | { kind: 'stopped'; running: number }

/** What the store answered to a node that had been frozen. */
export interface LateWrites {
  id: string
  attempt: number
  /** The execution was still its own: nothing else was tried. */
  owned: boolean
  /** Names of the writes that were taken although it was not. */
  taken: string[]
}
