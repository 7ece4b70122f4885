/** What another engine carries: which attempt of which execution, and who holds it until a worker takes it over. */
export interface HandedExecution {
  id: string
  attempt: number
  /** `<node>.<boot>` */
  node: string
  handler: string
}

/**
 * An engine with workers of its own, on any machine that has the same
 * handlers. It only carries: its workers give what they get to
 * `Scheduler.deliver`, and it tries nothing again by itself.
 */
export interface Engine {
  /**
   * Hands executions of one queue over.
   *
   * @param priority 1 first .. 10 last
   * @returns the ids that they go by there, in their order
   */
  push(queue: string, priority: number, executions: HandedExecution[]): Promise<string[]>
  /** Whether the engine still has it: waiting, or with a worker. */
  has(queue: string, id: string): Promise<boolean>
}
