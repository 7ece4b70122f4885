import { newId } from '../../ids.ts'
import type { EnqueueOptions as JobOptions } from '../../jobs/enqueue.ts'
import type { NewExecution } from '../../storage/contract.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import type { HandlerReference, PayloadOf } from '../../types/handlers.ts'
import type { EnqueueOptions } from '../types.ts'
import type { WaitOptions } from '../watch.ts'
import { readLinks, readSteps, type Step, type StepInput } from './steps.ts'

/** How one step is queued; what is not given comes from the handler's options. */
export interface StepOptions extends Omit<JobOptions, 'client' | 'dedupeKey' | 'dedupe'> {
  /** The steps that it runs after; each on success, unless `on` says otherwise. */
  after?: StepInput | StepInput[]
}

/** One link of a chain. */
export interface ChainLink<H extends HandlerReference = HandlerReference> {
  /** Default: the handler's name, numbered where a link before has it. */
  name?: string
  handler: H
  payload?: PayloadOf<H>
  options?: Omit<StepOptions, 'after'>
}

/** A workflow that was put into the queue. */
export interface EnqueuedWorkflow {
  /** `workflowId` of its executions. */
  id: string
  /** Ids of the executions, by the names of their steps. */
  steps: Record<string, string>
  /** All executions once they have ended; as they are when the signal aborts or the timeout is up. */
  wait(options?: WaitOptions): Promise<Record<string, ExecutionRecord | null>>
}

interface Deps {
  plan: (handler: HandlerReference, payload: unknown, options: JobOptions) => NewExecution
  enqueue: (executions: NewExecution[], client: unknown) => Promise<void>
  waitFor: (id: string, options: WaitOptions) => Promise<ExecutionRecord | null>
}

interface Added {
  name: string
  handler: HandlerReference
  payload: unknown
  options: StepOptions
}

/**
 * A graph of executions that are queued together, without stored events. A
 * step begins once all steps that it runs after have ended as asked; where one
 * did not, it is skipped, and what runs after it likewise.
 *
 * ```ts
 * await almanac
 *   .workflow()
 *   .add('extract', Extract, { day })
 *   .add('load', Load, {}, { after: 'extract' })
 *   .add('alert', Alert, {}, { after: { step: 'load', on: 'failure' } })
 *   .enqueue()
 * ```
 */
export class Workflow {
  readonly #deps: Deps
  readonly #steps: Added[] = []

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Adds a step. Its handler finds how the steps before it ended in
   * `context.parents`, by their names.
   */
  add<H extends HandlerReference>(
    name: string,
    handler: H,
    payload: PayloadOf<H>,
    options: StepOptions = {}
  ): this {
    this.#steps.push({ name, handler, payload, options })
    return this
  }

  /**
   * Queues all steps in one transaction: all of them or none.
   *
   * @throws E_UNKNOWN_HANDLER, E_INVALID_INPUT, E_DEPENDENCY_LOOP, E_PAYLOAD_NOT_JSON,
   * E_PAYLOAD_TOO_LARGE, E_EMPTY_KEY, E_CLIENT_MISMATCH
   */
  async enqueue(given: Pick<EnqueueOptions, 'client'> = {}): Promise<EnqueuedWorkflow> {
    const ordered = readSteps(this.#steps, given)
    const id = newId()
    const executions = this.#plan(id, ordered)
    const [first, ...roots] = executions.filter(({ parents }) => parents!.length === 0)
    const children = executions.filter(({ parents }) => parents!.length > 0)
    await this.#deps.enqueue([...roots, { ...first, children }], given.client)
    const steps = Object.fromEntries(ordered.map(({ name }, index) => [name, executions[index].id]))
    return { id, steps, wait: (options = {}) => this.#wait(steps, options) }
  }

  #plan(workflowId: string, ordered: Step[]): NewExecution[] {
    const added = new Map(this.#steps.map((step) => [step.name, step]))
    const ids = new Map<string, string>()
    return ordered.map(({ name, after }) => {
      const { handler, payload, options } = added.get(name)!
      const { after: given, ...rest } = options ?? {}
      const execution = this.#deps.plan(handler, payload, rest)
      ids.set(name, execution.id)
      const parents = after.map(({ step, on }) => ({
        ...{ parentId: ids.get(step)!, parentEventId: null, name: step, on },
      }))
      return { ...execution, origin: 'workflow', workflowId, parents }
    })
  }

  async #wait(
    steps: Record<string, string>,
    options: WaitOptions
  ): Promise<Record<string, ExecutionRecord | null>> {
    const ends = await Promise.all(
      Object.entries(steps).map(async ([name, id]) => [name, await this.#deps.waitFor(id, options)])
    )
    return Object.fromEntries(ends)
  }
}

/**
 * The steps of a chain, each after the one before.
 *
 * @throws E_INVALID_INPUT
 */
export function addChain(
  workflow: Workflow,
  links: ChainLink[],
  nameOf: (handler: HandlerReference) => string
): Workflow {
  const names = new Map<string, number>()
  let before: string | null = null
  for (const { name: given, handler, payload = null, options = {} } of readLinks(links)) {
    const base = given ?? nameOf(handler)
    const count = (names.get(base) ?? 0) + 1
    names.set(base, count)
    const name = given === undefined && count > 1 ? `${base} ${count}` : base
    workflow.add(name, handler, payload, before === null ? options : { ...options, after: before })
    before = name
  }
  return workflow
}
