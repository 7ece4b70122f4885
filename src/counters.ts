/**
 * Counts of what happened in this process since it started: for `status`,
 * health checks and metrics. Names are dotted, such as `executions.rescued`.
 */
export class Counters {
  #counts = new Map<string, number>()

  increment(name: string, by = 1): void {
    this.#counts.set(name, this.get(name) + by)
  }

  /** 0 for a name that was never counted. */
  get(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  /** All counts, in the order of their names. */
  all(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
