import type { CoreConfig } from '../types/config.ts'
import type { Chore, Chores } from './chores.ts'
import type { Components } from './components.ts'
import type { Part } from './lifecycle.ts'

export type Hook = () => Promise<unknown> | unknown

export interface WorkingPartsDeps extends Components {
  chores: Chores
  pullers: { start(): void; stop(): Promise<void> }
  hooks: { start: Hook[]; stop: Hook[] }
  config: CoreConfig
  /** Looks at the schema and brings the events of the code in step. */
  begin: () => Promise<void>
}

/**
 * What a working process starts, in order; it stops in reverse: nothing new
 * first, then the running work, then what that work leaned on.
 */
export function workingParts(deps: WorkingPartsDeps): Part[] {
  const { jobs, loop, listener, chores, pullers, config } = deps
  return [
    ...singleParts(deps),
    { name: 'pulling', start: () => jobs.start() },
    {
      name: 'loop',
      start: () => (config.enabled ? loop.start() : undefined),
      stop: () => loop.stop(),
    },
    { name: 'pullers', start: () => pullers.start(), stop: () => pullers.stop() },
    // What it would wake runs already, and it is the first to be quiet
    { name: 'listener', start: () => listener.start(), stop: () => listener.stop() },
    { name: 'chores', start: () => chores.start(), stop: () => chores.stop() },
  ]
}

/** What a single round needs as well. */
export function singleParts(deps: WorkingPartsDeps): Part[] {
  const { tracker, jobs, housekeeper, chores, hooks, begin } = deps
  return [
    { name: 'definitions', start: begin },
    {
      // Before anything is claimed and until all is handed back: whoever is not
      // in the list of nodes counts as dead, and what it has claimed as lost
      name: 'housekeeping',
      // A housekeeper that fails shows, and stops nothing
      start: () => chores.guard('housekeeping', async () => housekeeper.start()),
      stop: () => housekeeper.stop(),
    },
    { name: 'tracker', stop: () => tracker.stop() },
    {
      name: 'adapters',
      start: () => inOrder(hooks.start),
      stop: () => inOrder([...hooks.stop].reverse()),
    },
    { name: 'jobs', stop: (options) => jobs.stop(options) },
  ]
}

/** Looks for work again whatever became of a nudge or a timer, ms. */
const BACKSTOP = 15_000

/** The chores of the core; adapters add theirs. */
export function ownChores(
  { housekeeper, jobs, loop, events }: Components,
  config: CoreConfig
): Chore[] {
  return [
    {
      name: 'housekeeping',
      interval: config.housekeeping.interval,
      run: () => housekeeper.runOnce(),
    },
    {
      name: 'changed rows',
      interval: config.changeCheckInterval,
      // One node is enough; that two do it at once harms nothing
      run: async () => (loop.isLeader || !loop.started ? events.checkRows() : undefined),
    },
    {
      name: 'backstop poll',
      interval: BACKSTOP,
      run: async () => {
        loop.wake()
        jobs.wake()
      },
    },
  ]
}

async function inOrder(hooks: Hook[]): Promise<void> {
  for (const hook of hooks) {
    await hook()
  }
}
