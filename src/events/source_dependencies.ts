import { Problems } from '../input/problems.ts'
import { readAfter, resolveAfter, type ParentReference } from './after.ts'
import { dependencyEntry } from './event_dependencies.ts'
import type { Clock } from '../clock.ts'
import type { NewDependency, Storage } from '../storage/contract.ts'
import type { Actor, EventRecord, SourceInput, SourceProblem } from '../types/events.ts'
import type { DependencyRecord } from '../types/workflows.ts'

interface Deps {
  storage: Storage
  clock: Clock
}

interface Wanted {
  event: EventRecord
  set: NewDependency[]
  remove: string[]
}

/**
 * Brings what the definitions of a source run after (`after`) in step with the
 * store. Dependencies that were made by hand stay.
 */
export class SourceDependencies {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * @param events of the source, after its sync
   * @returns definitions whose parents cannot be used, each alone
   */
  async run(
    source: string,
    definitions: SourceInput[],
    events: () => Promise<EventRecord[]>,
    by: Actor
  ): Promise<SourceProblem[]> {
    const all = await this.#deps.storage.workflows.list()
    const declared = all.filter((dependency) => dependency.declared)
    if (declared.length === 0 && definitions.every(({ after }) => after === undefined)) {
      return []
    }
    const problems: SourceProblem[] = []
    const stored = await events()
    const byKey = new Map(stored.map((event) => [event.sourceKey, event]))
    const wanted: Wanted[] = []
    for (const definition of definitions) {
      const event = byKey.get(definition.key)
      if (event) {
        const own = declared.filter(({ childId }) => childId === event.id)
        await attempt(definition.key, problems, async () => {
          wanted.push(await this.#wanted(source, definition, event, own))
        })
      }
    }
    // All that goes first: what is turned round must not look like a loop
    for (const { event, remove } of wanted) {
      await this.#change(event, { set: [], remove }, by)
    }
    for (const { event, set } of wanted) {
      await attempt(event.sourceKey, problems, () => this.#change(event, { set, remove: [] }, by))
    }
    return problems
  }

  async #wanted(
    source: string,
    { name, after = [] }: SourceInput,
    event: EventRecord,
    own: DependencyRecord[]
  ): Promise<Wanted> {
    const subject = `Event "${name}"`
    const set = await resolveAfter(this.#deps.storage, subject, source, read(subject, after))
    const kept = new Set(set.map(({ parentId }) => parentId))
    const remove = own.map(({ parentId }) => parentId).filter((id) => !kept.has(id))
    return { event, set, remove }
  }

  async #change(
    { id }: EventRecord,
    change: Pick<Wanted, 'set' | 'remove'>,
    by: Actor
  ): Promise<void> {
    if (change.set.length + change.remove.length > 0) {
      const { storage, clock } = this.#deps
      const journal = dependencyEntry(by, id, change)
      const params = { now: clock.nowOrNull(), childId: id, ...change, declared: true, journal }
      await storage.workflows.change(params)
    }
  }
}

function read(subject: string, after: unknown): ParentReference[] {
  const problems = new Problems()
  const parents = readAfter(after, problems.report)
  problems.throwAny(subject)
  return parents
}

/** A definition that is refused stands in nobody's way; a store that fails does. */
async function attempt(
  key: string,
  problems: SourceProblem[],
  work: () => Promise<unknown>
): Promise<void> {
  try {
    await work()
  } catch (error) {
    const { status = 500, message } = error as { status?: number; message: string }
    if (status >= 500) {
      throw error
    }
    problems.push({ key, message })
  }
}
