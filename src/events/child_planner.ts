import { ChildGraph, planChildren, type ChildProblem } from '../loop/plan_children.ts'
import type { ExecutionDefaults } from '../loop/slot_execution.ts'
import type { Profiles } from '../loop/slot_payload.ts'
import type { NewExecution, Storage } from '../storage/contract.ts'
import type { Logger } from '../types/logger.ts'

interface Deps {
  storage: Storage
  newId: () => string
  defaults: (handler: string) => ExecutionDefaults
  profiles: Profiles
  logger: Logger
}

/** Gives executions of events the executions of the events that run after theirs. */
export class ChildPlanner {
  readonly #deps: Deps
  /** What was told already, by event and its version. */
  readonly #told = new Set<string>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @returns the executions, in their order, each with its children */
  async attach(executions: NewExecution[]): Promise<NewExecution[]> {
    const { storage } = this.#deps
    const eventIds = new Set(executions.map(({ eventId }) => eventId).filter((id) => id !== null))
    if (eventIds.size === 0) {
      return executions
    }
    const found = await storage.workflows.downstream({ eventIds: [...eventIds] })
    if (found.events.length === 0) {
      return executions
    }
    const graph = new ChildGraph(found)
    return executions.map((execution) => {
      const { root, problems } = planChildren(execution, { ...this.#deps, graph })
      problems.forEach((problem) => this.#tell(problem))
      return root
    })
  }

  #tell({ event, error }: ChildProblem): void {
    const key = `${event.id} ${event.version}`
    if (!this.#told.has(key)) {
      this.#told.add(key)
      const message = `Event "${event.name}" cannot run after the events that it depends on`
      this.#deps.logger.warn({ err: error, eventId: event.id }, message)
    }
  }
}
