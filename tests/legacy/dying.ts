import { ManualClock } from '../../src/testing/manual_clock.ts'
import type { LegacyNode, LegacyWorld } from '../helpers/legacy_world.ts'

const NEVER = new Promise<never>(() => {})

/** Lets a node die at its n-th transaction. @returns whether it came so far */
export async function dieAt(
  node: LegacyNode,
  moment: 'onTransaction' | 'onCommit',
  nth: number
): Promise<boolean> {
  const dead = Promise.withResolvers<true>()
  node[moment] = (count) => {
    if (count === nth) {
      dead.resolve(true)
      return NEVER
    }
  }
  return Promise.race([dead.promise, node.run().then(() => false)])
}

/** A node whose time stands still: it dies in the middle of something. */
export function mortal(world: LegacyWorld, options: Parameters<LegacyWorld['node']>[0] = {}) {
  return world.node({ ...options, clock: new ManualClock(world.clock.now()) })
}

/** What the others do about a dead node. */
export async function takeOver(
  world: LegacyWorld,
  dead: LegacyNode,
  heir: LegacyNode
): Promise<void> {
  // It has worked beside the other for a while
  await heir.adapter.recover()
  dead.leave()
  await world.rescue()
  await heir.adapter.recover()
  await heir.run()
}
