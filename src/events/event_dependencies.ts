import { MAX_TEXT, object, refuseOthers, text } from '../input/fields.ts'
import { Problems } from '../input/problems.ts'
import { readCondition } from './after.ts'
import { EventStates } from './event_states.ts'
import type { NewDependency } from '../storage/contract.ts'
import type { Actor } from '../types/events.ts'
import type { NewJournalEntry } from '../types/journal.ts'
import type { DependencyRecord, ParentCondition } from '../types/workflows.ts'

/** What runs after what. */
export abstract class EventDependencies extends EventStates {
  /**
   * Lets an event run after others: each time one of them has run. With several
   * parents it runs once all of them have ended as asked since it last ran.
   * What is said again with another condition replaces the one before.
   *
   * @param parents ids
   * @param options.on how they must end. Default `success`
   * @returns all dependencies of the child
   * @throws E_EVENT_NOT_FOUND, E_INVALID_INPUT
   * @throws E_DEPENDENCY_LOOP naming the path
   */
  async dependOn(
    childId: string,
    parents: string | string[],
    options: { on?: ParentCondition; by?: Actor } = {}
  ): Promise<DependencyRecord[]> {
    const ids = [...new Set(Array.isArray(parents) ? parents : [parents])]
    const problems = new Problems()
    const { report } = problems
    ids.forEach((id, index) => text(`parents[${index}]`, id, MAX_TEXT, report))
    const remedy = "give an object such as { on: 'failure' }, or leave it out"
    const given = object('options', options, remedy, report) as typeof options
    refuseOthers('', given, ['on', 'by'], report)
    const on = readCondition('on', given.on, report)
    problems.throwAny('The dependency')
    const set = ids.map((parentId) => ({ parentId, on: on! }))
    await this.get(childId)
    await this.setDependencies(childId, { set, remove: [], declared: false, by: given.by })
    return this.dependenciesOf(childId)
  }

  /**
   * Takes a dependency away; what waits for the parent's next execution waits
   * for the others alone.
   *
   * @returns false when there was none
   * @throws E_EVENT_NOT_FOUND
   */
  async removeDependency(childId: string, parentId: string, by?: Actor): Promise<boolean> {
    await this.get(childId)
    const remove = [parentId]
    return this.setDependencies(childId, { set: [], remove, declared: false, by })
  }

  /** What an event runs after. */
  async dependenciesOf(childId: string): Promise<DependencyRecord[]> {
    const found = await this.deps.storage.workflows.list({ eventIds: [childId] })
    return found.filter((dependency) => dependency.childId === childId)
  }

  /** @returns whether something changed */
  protected async setDependencies(
    childId: string,
    change: { set: NewDependency[]; remove: string[]; declared: boolean; by?: Actor }
  ): Promise<boolean> {
    const { storage, clock, wake } = this.deps
    const { set, remove, declared } = change
    const journal = dependencyEntry(this.actorOf(change.by), childId, { set, remove })
    const params = { now: clock.nowOrNull(), childId, set, remove, declared, journal }
    const changed = (await storage.workflows.change(params)) !== null
    if (changed && remove.length > 0) {
      wake()
    }
    return changed
  }
}

export function dependencyEntry(
  actor: Actor,
  subject: string,
  { set, remove }: { set: NewDependency[]; remove: string[] }
): NewJournalEntry {
  const after = { set: set.map(({ parentId, on }) => ({ parentId, on })), remove }
  return { kind: 'dependencies.changed', actor, subject, after }
}
