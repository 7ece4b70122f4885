import type { NewExecution, Now } from '../contract.ts'
import { claimPlan } from '../rules/claim_plan.ts'
import type { KnownControls } from './known_controls.ts'
import { LockedLimits } from './limited_handlers.ts'
import type { Work } from './work.ts'

interface Birth {
  handler: string
  queue: string
}

/** Which executions may be born running, by the controls as the unit of work sees them. */
export class BirthGate {
  /** Null where no handler of them is limited. */
  readonly limits: LockedLimits | null
  readonly #handlers: Set<string>
  readonly #pausedQueues: Set<string>

  private constructor(handlers: string[], pausedQueues: string[], limits: LockedLimits | null) {
    this.#handlers = new Set(handlers)
    this.#pausedQueues = new Set(pausedQueues)
    this.limits = limits
  }

  static async open(
    work: Work,
    known: KnownControls,
    params: { executions: NewExecution[]; node: string; now: Now }
  ): Promise<BirthGate> {
    const { controls } = await known.current(work)
    const handlers = [...new Set(params.executions.map(({ handler }) => handler))]
    const plan = claimPlan(controls, { handlers, node: params.node })
    if (plan === null) {
      return new BirthGate([], [], null)
    }
    const { open, limited, pausedQueues } = plan
    const limits =
      limited.length === 0 ? null : await LockedLimits.lock(work, { ...params, handlers: limited })
    return new BirthGate([...open, ...limited], pausedQueues, limits)
  }

  lets({ handler, queue }: Birth): boolean {
    const room = this.limits?.rooms.get(handler) ?? 1
    return this.#handlers.has(handler) && !this.#pausedQueues.has(queue) && room > 0
  }

  took({ handler }: Birth): void {
    this.limits?.take(handler)
  }

  /** Writes down what counts against rates. */
  async close(): Promise<void> {
    await this.limits?.write()
  }
}
